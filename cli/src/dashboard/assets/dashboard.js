// What every page does beyond being read. Without this script the pages work
// all the same, but stay as they were loaded.

"use strict";

// --- times in the browser's own zone, in the same width as they came

const two = (number) => String(number).padStart(2, "0");

function localTime(date) {
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** What may stand in a data-shape, as in strftime(3). */
const parts = {
  "%m": (date) => date.getMonth() + 1, "%d": (date) => date.getDate(),
  "%H": (date) => date.getHours(), "%M": (date) => date.getMinutes(),
};

function showTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([data-local])")) {
    const date = new Date(time.dateTime);
    if (Number.isNaN(date.getTime())) continue;
    time.dataset.local = "";
    if (time.hasAttribute("data-ago")) time.title = localTime(date);
    else if (time.dataset.shape) time.textContent = time.dataset.shape.replace(/%./g, (part) => two(parts[part](date)));
    else {
      time.title = `${time.textContent} UTC`;
      time.textContent = localTime(date);
    }
  }
  // of a chart's bars, whose words begin with the time
  for (const bar of root.querySelectorAll("[data-start]:not([data-local])")) {
    const date = new Date(bar.dataset.start);
    const words = bar.querySelector("title");
    bar.dataset.local = "";
    if (words) words.textContent = words.textContent.replace(bar.dataset.start, localTime(date));
  }
}

// --- what can be copied

function showCopies(root) {
  for (const button of root.querySelectorAll("[data-copy][hidden]")) button.hidden = !navigator.clipboard;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
});

// --- time that is left

function showLeft() {
  for (const left of document.querySelectorAll("[data-until]")) {
    const seconds = Math.max(0, Math.floor((new Date(left.dataset.until) - Date.now()) / 1000));
    const hours = Math.floor(seconds / 3600);
    const minutes = Math.floor(seconds / 60) % 60;
    left.textContent = hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
  }
}

/** Text of the server's own making, which has escaped what others said. */
function fragment(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

function shown(node) {
  showTimes(node);
  showCopies(node);
  return node;
}

// --- what goes on now

const title = document.querySelector("title");

/** As the server wrote it, of what was changed since. */
const raw = new WeakMap();

/** Puts new items in the place of those that differ: the others may be in use. */
function showItems(list, items) {
  const next = Array.from(items.children);
  const now = Array.from(list.children);
  for (const [at, item] of next.entries()) {
    const text = item.outerHTML;
    if (now[at] && raw.get(now[at]) === text) continue;
    raw.set(item, text);
    if (now[at]) now[at].replaceWith(item);
    else list.append(item);
    shown(list);
  }
  for (const item of now.slice(next.length)) item.remove();
}

let toldWaiting = 0;
let toldDown = false;

/** For those who hear the page: what begins to wait, and whether axisd is there. */
function tell(waiting, isDown) {
  const words = [];
  if (isDown !== toldDown) words.push(isDown ? "axisd can't be reached." : "axisd is back.");
  if (waiting > toldWaiting) words.push(waiting === 1 ? "1 call waits for you." : `${waiting} calls wait for you.`);
  toldWaiting = waiting;
  toldDown = isDown;
  if (words.length > 0) document.getElementById("told").textContent = words.join(" ");
}

function showTitle(waiting) {
  const name = `${title.dataset.title} · axis`;
  document.title = waiting > 0 ? `(${waiting}) ${name}` : name;
}

/** Cards come and go one by one: what is being typed or ticked stays, and no
 * card moves under a pointer: one that is seen when it goes says so instead. */
function showCards(list, now) {
  const known = new Set();
  for (const card of list.querySelectorAll("[data-id]")) {
    if (now.order.includes(card.dataset.id)) known.add(card.dataset.id);
    else if (list.offsetParent === null) card.remove();
    else setGone(card);
  }
  for (const id of now.order) {
    if (!known.has(id)) addCard(list, id);
  }
}

const asked = new WeakMap();

/** Asks for a card once; what is gone meanwhile isn't there. */
async function addCard(list, id) {
  const ids = asked.get(list) ?? new Set();
  asked.set(list, ids);
  if (ids.has(id)) return;
  ids.add(id);
  const answer = await fetch(`/approvals/${encodeURIComponent(id)}?${list.dataset.waitingCards}`).catch(() => null);
  if (!answer || !answer.ok) {
    ids.delete(id);
    return;
  }
  const card = shown(fragment(await answer.text()));
  card.firstElementChild.classList.add("fresh");
  list.append(card);
  showLeft();
}

function setGone(card) {
  if (card.classList.contains("gone")) return;
  card.classList.add("gone");
  card.dataset.goneAt = Date.now();
  const tick = card.querySelector("input[name=id]");
  tick.checked = false;
  tick.disabled = true;
}

/** What is gone is taken away once nobody is at it. */
function sweepCards() {
  for (const card of document.querySelectorAll("[data-gone-at]")) {
    const form = card.closest("form");
    const isAtIt = form.matches(":hover") || form.contains(document.activeElement);
    if (!isAtIt && Date.now() - card.dataset.goneAt > 10_000) card.remove();
  }
}

function showNow(now) {
  const waiting = now.order.length;
  // signed in again in another tab: the forms here are of the session before
  if (isOver) {
    location.reload();
    return;
  }
  showItems(document.getElementById("standing"), fragment(now.standing));
  tell(waiting, now.down);
  for (const summary of document.querySelectorAll("[data-waiting-summary]")) summary.replaceChildren(fragment(now.summary));
  for (const list of document.querySelectorAll("[data-waiting-cards]")) showCards(list, now);
  const count = document.getElementById("waiting-count");
  count.textContent = waiting;
  count.hidden = waiting === 0;
  document.body.classList.toggle("has-waiting", waiting > 0);
  showTitle(waiting);
  showLeft();
  refreshSoon();
  // a page that could not be shown comes back by itself
  if (!now.down && document.querySelector("main [data-down]")) location.reload();
}

let isOver = false;

function showLost(isForGood) {
  isOver ||= isForGood;
  const standing = document.getElementById("standing");
  const words = isForGood
    ? "Signed out: run axis dashboard and open its link."
    : "The dashboard doesn't answer: run axis dashboard and open its link.";
  const item = document.createElement("li");
  item.className = "state bad";
  item.textContent = words;
  standing.replaceChildren(item);
}

function onMessage(message) {
  if (message.now) showNow(message.now);
  else if (message.lost) showLost(message.isOver);
}

function follow() {
  if (window.SharedWorker) {
    const worker = new SharedWorker("/assets/worker.js", "axis");
    worker.port.addEventListener("message", (event) => onMessage(event.data));
    worker.port.start();
    window.addEventListener("pagehide", () => worker.port.postMessage("leave"));
    window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
    return;
  }
  const source = new EventSource("/live");
  source.addEventListener("now", (event) => onMessage({ now: JSON.parse(event.data) }));
  source.addEventListener("error", () => onMessage({ lost: true, isOver: source.readyState === EventSource.CLOSED }));
}

// --- the calls that wait lie over the page: Escape puts them away

document.addEventListener("keydown", (event) => {
  const waiting = document.getElementById("waiting");
  if (event.key !== "Escape" || !waiting?.open) return;
  waiting.open = false;
  waiting.querySelector("summary").focus();
});

// --- parts of a page that are asked for again now and then

const served = new WeakMap();
let refreshed = Date.now();
let pause = 4000;
let due = null;

/** After something happened: soon, not more often than every four seconds, and
 * no more than a tenth of the time. */
function refreshSoon() {
  due ??= setTimeout(async () => {
    const began = Date.now();
    await Promise.all(Array.from(document.querySelectorAll("[data-refresh]"), refresh));
    refreshed = Date.now();
    pause = Math.max(4000, 10 * (refreshed - began));
    due = null;
  }, Math.max(300, refreshed + pause - Date.now()));
}

async function refresh(part) {
  const isInUse = () => part.contains(document.activeElement) || part.contains(getSelection().anchorNode) && !getSelection().isCollapsed;
  if (document.hidden || isInUse()) return;
  const answer = await fetch(part.dataset.refresh, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer || !answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const next = page.getElementById(part.id);
  // nobody's selection or focus is taken away, and what is open stays open
  if (!next || isInUse() || next.innerHTML === served.get(part)) return;
  served.set(part, next.innerHTML);
  const open = Array.from(part.querySelectorAll("details[open][id]"), (details) => details.id);
  part.replaceChildren(...shown(next).childNodes);
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
}

for (const item of document.querySelectorAll("#standing > li")) raw.set(item, item.outerHTML);
toldWaiting = document.querySelectorAll("[data-waiting-cards] [data-id]").length;
showTimes(document);
showCopies(document);
if (document.getElementById("standing")) {
  follow();
  setInterval(() => { showLeft(); sweepCards(); }, 1000);
  showLeft();
  setInterval(refreshSoon, 10_000);
  document.addEventListener("visibilitychange", refreshSoon);
}
