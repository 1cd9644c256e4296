// One stream of events for all tabs: a browser has six connections to a server,
// and each tab with one of its own would use them up.

const ports = new Set();
let last = null;
let source = null;

function tell(message) {
  last = message;
  for (const port of ports) port.postMessage(message);
}

function listen() {
  source = new EventSource("/live");
  source.addEventListener("now", (event) => tell({ now: JSON.parse(event.data) }));
  source.addEventListener("error", () => {
    // closed: the server said no, and asking again changes nothing
    const isOver = source.readyState === EventSource.CLOSED;
    tell({ lost: true, isOver });
    if (isOver) source = null;
  });
}

self.addEventListener("connect", (event) => {
  const port = event.ports[0];
  ports.add(port);
  port.addEventListener("message", (message) => {
    if (message.data === "leave") ports.delete(port);
  });
  port.start();
  if (source === null) listen();
  else if (last !== null) port.postMessage(last);
});
