// Selecting with a finger: a long press selects a photo, and dragging on extends the selection to all
// photos between. Until then the finger scrolls as usual.
import { boxes, tellSelection } from "./selection.js";

const PRESS = 450; // milliseconds that a finger rests
const STILL = 10; // pixels that it may move meanwhile
const EDGE = 90; // pixels from the top and the bottom where dragging scrolls
const STEP = 14; // pixels that it scrolls each time
let press = null;

// The bars at the top and at the bottom lie over the photos.
function boxAt(x, y) {
  const below = document.querySelector(".rail")?.getBoundingClientRect();
  const last = below && below.width > below.height ? below.top - 1 : innerHeight - 1;
  const at = document.elementFromPoint(x, Math.min(Math.max(y, 72), last));
  return at?.closest("[data-grid] .tile")?.querySelector(".check input");
}

export function attachTouch() {
  document.addEventListener("touchstart", begin, { passive: true });
  // Not passive: while a selection is dragged, the page must not scroll by itself.
  document.addEventListener("touchmove", move, { passive: false });
  document.addEventListener("touchend", end);
  document.addEventListener("touchcancel", end);
  // What the browser itself does on a long press.
  for (const name of ["contextmenu", "dragstart"]) {
    document.addEventListener(name, (event) => {
      if (press) event.preventDefault();
    });
  }
}

function begin(event) {
  end(event);
  if (event.touches.length !== 1 || !event.target.closest("[data-grid] .tile .open")) return;
  const { clientX: x, clientY: y } = event.touches[0];
  press = { x, y, box: boxAt(x, y), before: null, timer: setTimeout(select, PRESS) };
}

function select() {
  if (!press?.box?.isConnected) return;
  press.before = new Set(boxes().filter((box) => box.checked));
  if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(10);
  extend(press.box);
  press.scroll = setInterval(scrollAtEdge, 16);
}

function move(event) {
  if (!press) return;
  const { clientX: x, clientY: y } = event.touches[0];
  if (!press.before) {
    if (Math.hypot(x - press.x, y - press.y) > STILL) end(event);
    return;
  }
  event.preventDefault();
  Object.assign(press, { x, y });
  extend(boxAt(x, y));
}

// Selects from the photo that was pressed to this one; what was selected before stays so.
function extend(box) {
  const all = boxes();
  const [from, to] = [all.indexOf(press.box), all.indexOf(box)].sort((a, b) => a - b);
  if (from < 0) return;
  for (const [place, each] of all.entries()) {
    each.checked = press.before.has(each) || (place >= from && place <= to);
  }
  tellSelection();
}

function scrollAtEdge() {
  const step = press.y < EDGE ? -STEP : press.y > innerHeight - EDGE ? STEP : 0;
  if (!step) return;
  scrollBy(0, step);
  extend(boxAt(press.x, press.y));
}

function end(event) {
  if (!press) return;
  clearTimeout(press.timer);
  clearInterval(press.scroll);
  // The click that would follow is no click on the photo.
  if (press.before && event.cancelable && event.type === "touchend") event.preventDefault();
  press = null;
}
