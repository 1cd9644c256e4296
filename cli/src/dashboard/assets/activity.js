// The activity's liveness: new lines at the top, never under someone's hands.

"use strict";

// --- moments in the browser's own zone, in the form as in the lines

const filters = document.getElementById("act-filters");

function formTimes() {
  for (const input of filters.querySelectorAll("input[type=datetime-local]")) {
    if (input.defaultValue) {
      const date = new Date(`${input.defaultValue}Z`);
      if (!Number.isNaN(date.getTime())) input.value = localTime(date).replace(" ", "T");
    }
  }
  for (const zone of filters.querySelectorAll(".act-zone")) zone.hidden = true;
}

filters.addEventListener("formdata", (event) => {
  const data = event.formData;
  for (const name of ["from", "to"]) {
    const date = new Date(data.get(name));
    if (data.get(name) && !Number.isNaN(date.getTime())) data.set(name, date.toISOString());
  }
  // what is not set need not stand in the address
  for (const name of [...data.keys()]) if (!data.get(name)) data.delete(name);
});

/** Whether a field was set to what the page doesn't show yet. */
function isTyped(field) {
  if (field.validity.badInput) return true;
  if (field.options) {
    const usual = [...field.options].find((option) => option.defaultSelected) ?? field.options[0];
    return field.value !== usual.value;
  }
  if (field.type === "datetime-local" && field.value && field.defaultValue) {
    return new Date(field.value).getTime() !== new Date(`${field.defaultValue}Z`).getTime();
  }
  return field.value !== field.defaultValue;
}

/** Whether someone is at the filters, so that loading the page again would take
 * away what was typed. */
function isFiltering() {
  return filters.contains(document.activeElement)
    || [...filters.querySelectorAll("input, select")].some(isTyped);
}

formTimes();
window.addEventListener("pageshow", (event) => { if (event.persisted) formTimes(); });

// --- new lines

const MOST = 200;

function live(log) {
  const status = document.getElementById("act-live");
  const pause = document.getElementById("act-pause");
  const button = document.getElementById("act-new");
  const older = document.getElementById("act-older");
  let source = null;
  let after = log.dataset.after || null;
  let waiting = [];
  let isMuch = false;
  let isStale = false;
  let isPaused = false;
  let isDrawing = false;

  /** Whether something would move under a reader's eyes or hands. */
  function isRead() {
    const selected = document.getSelection();
    return log.getBoundingClientRect().top < 0
      || log.querySelector("details[open]") !== null
      || log.contains(document.activeElement)
      || (selected && !selected.isCollapsed && log.contains(selected.anchorNode));
  }

  function say(word, kind) {
    if (status.textContent === word) return;
    status.textContent = word;
    status.className = kind;
  }

  function offer() {
    const many = isMuch || isStale ? `${MOST} or more` : String(waiting.length);
    button.hidden = waiting.length === 0 && !isStale;
    button.textContent = many === "1" ? "1 new line" : `${many} new lines`;
  }

  function draw() {
    const rows = document.createDocumentFragment();
    for (const row of waiting.reverse()) rows.append(shown(fragment(row)));
    for (const row of rows.children) row.classList.add("fresh");
    waiting = [];
    // between what is shown and what waited, lines were left out
    let isCut = isMuch;
    if (isMuch) log.replaceChildren();
    isMuch = false;
    log.prepend(rows);
    while (log.children.length > MOST) {
      log.lastElementChild.remove();
      isCut = true;
    }
    const last = [...log.querySelectorAll("[data-seq]")].pop();
    if (isCut && last && older) {
      const link = new URL(older.href);
      link.searchParams.set("before", last.dataset.seq);
      older.href = link;
      older.hidden = false;
    }
    const empty = document.getElementById("act-empty");
    if (empty && log.children.length > 0) empty.remove();
    offer();
  }

  function settle() {
    isDrawing = false;
    if (waiting.length === 0 || isPaused || isRead()) offer();
    else draw();
  }

  function soon() {
    if (isDrawing) return;
    isDrawing = true;
    requestAnimationFrame(settle);
  }

  function open() {
    if (source || document.hidden) return;
    const link = new URL(log.dataset.live, location.href);
    if (after) link.searchParams.set("after", after);
    source = new EventSource(link);
    source.addEventListener("open", () => say(isPaused ? "paused" : "live", isPaused ? "off" : "on"));
    source.addEventListener("row", (event) => {
      after = event.lastEventId;
      waiting.push(event.data);
      if (waiting.length > MOST) {
        waiting.shift();
        isMuch = true;
      }
      soon();
    });
    source.addEventListener("reload", () => {
      close();
      isStale = true;
      say("behind", "off");
      if (!isPaused && !isRead() && !isFiltering()) location.reload();
      else offer();
    });
    source.addEventListener("error", () => {
      const isOver = source && source.readyState === EventSource.CLOSED;
      say(isOver ? "not live: load the page again" : "reconnecting", "off");
    });
  }

  function close() {
    if (source) source.close();
    source = null;
  }

  button.addEventListener("click", () => {
    if (isStale) {
      location.reload();
      return;
    }
    window.scrollTo({ top: 0 });
    draw();
    log.querySelector("summary")?.focus({ preventScroll: true });
    document.activeElement.blur();
  });
  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.textContent = isPaused ? "Go on" : "Pause";
    pause.setAttribute("aria-pressed", String(isPaused));
    say(isPaused ? "paused" : "live", isPaused ? "off" : "on");
    if (!isPaused) soon();
  });
  document.addEventListener("visibilitychange", () => { if (document.hidden) close(); else if (!isStale) open(); });
  window.addEventListener("pagehide", close);
  window.addEventListener("scroll", () => { if (waiting.length > 0) soon(); }, { passive: true });
  log.addEventListener("toggle", soon, true);

  pause.hidden = false;
  open();
}

{
  const log = document.getElementById("act-log");
  if (log && log.dataset.live) live(log);
}
