// Searching by a part of a photo: the pointer or the arrow keys draw a box over the open photo.
import { icon } from "../page/icon.js";
import { gettext } from "../page/language.js";
import { announce } from "../page/notices.js";

const LEAST = 0.02; // share of the photo's side; a smaller box is an accident
const STEP = 0.02;
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const HELP = gettext("Drag a box over what you are looking for");
let layer = null;

export const isDrawing = () => Boolean(layer);

const within = (value, low, high) => Math.min(Math.max(value, low), high);

// Lays the box over the open photo, whose id is `id`; a second call removes it.
export function drawPart(pswp, id) {
  if (layer) return stopDrawing();
  pswp.currSlide.zoomAndPanToInitial();
  pswp.currSlide.applyCurrentZoomPan();
  const state = { box: { x: 0.3, y: 0.3, w: 0.4, h: 0.4 }, area: null, id, from: null };
  layer = build(state);
  pswp.element.append(layer);
  const fit = () => lay(state, areaOf(pswp));
  pswp.on("resize", fit);
  for (const name of ["destroy", "change"]) pswp.on(name, stopDrawing);
  fit();
  place(state);
  layer.querySelector(".part-box").focus();
  announce(gettext("Drag a box over what you are looking for, or use the arrow keys."));
}

export function stopDrawing() {
  layer?.remove();
  layer = null;
}

function lay(state, area) {
  state.area = area;
  const { left, top, width, height } = area;
  const style = { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` };
  Object.assign(layer?.querySelector(".part-area")?.style ?? {}, style);
}

// Where the photo is in the window, in pixels.
function areaOf(pswp) {
  const { pan, currZoomLevel: zoom, width, height } = pswp.currSlide;
  const edge = pswp.scrollWrap.getBoundingClientRect();
  return { left: edge.left + pan.x, top: edge.top + pan.y, width: width * zoom, height: height * zoom };
}

function build(state) {
  const element = document.createElement("div");
  element.className = "part-layer";
  element.innerHTML = `
    <div class="part-area"><div class="part-box" tabindex="0" role="application"></div></div>
    <div class="part-bar">
      <p></p>
      <button type="button" class="button" data-part="cancel"></button>
      <button type="button" class="button primary" data-part="find"></button>
    </div>`;
  element.querySelector(".part-box").setAttribute("aria-roledescription", gettext("box"));
  element.querySelector("p").textContent = HELP;
  element.querySelector('[data-part="cancel"]').textContent = gettext("Cancel");
  element.querySelector('[data-part="find"]').append(icon("search"), gettext("Search by this part"));
  // Events of the layer must not reach PhotoSwipe.
  for (const name of ["click", "wheel", "touchstart", "touchmove", "touchend"]) {
    element.addEventListener(name, (event) => event.stopPropagation(), { passive: true });
  }
  element.addEventListener("pointerdown", (event) => startBox(event, element, state));
  element.addEventListener("pointermove", (event) => stretchBox(event, state));
  for (const name of ["pointerup", "pointercancel"]) element.addEventListener(name, (event) => endBox(event, state));
  element.addEventListener("click", (event) => {
    const action = event.target.closest("[data-part]")?.dataset.part;
    if (action === "cancel") stopDrawing();
    if (action === "find") search(state);
  });
  element.addEventListener("keydown", (event) => onKey(event, state));
  return element;
}

// --- pointer ---

const pointOf = (event, { left, top, width, height }) => ({
  x: within((event.clientX - left) / width, 0, 1),
  y: within((event.clientY - top) / height, 0, 1),
});

function startBox(event, element, state) {
  event.stopPropagation();
  if (event.target.closest(".part-bar") || event.button) return;
  event.preventDefault();
  element.setPointerCapture(event.pointerId);
  state.from = pointOf(event, state.area);
  state.before = { ...state.box };
}

function stretchBox(event, state) {
  event.stopPropagation();
  if (!state.from) return;
  const { from } = state;
  const to = pointOf(event, state.area);
  state.box = {
    x: Math.min(from.x, to.x),
    y: Math.min(from.y, to.y),
    w: Math.abs(to.x - from.x),
    h: Math.abs(to.y - from.y),
  };
  place(state);
}

function endBox(event, state) {
  event.stopPropagation();
  if (!state.from) return;
  state.from = null;
  if (state.box.w < LEAST || state.box.h < LEAST) state.box = state.before;
  place(state);
  layer?.querySelector(".part-box").focus();
}

// --- keys ---

function onKey(event, state) {
  if (event.key === "Escape") {
    event.preventDefault();
    event.stopPropagation();
    return stopDrawing();
  }
  if (!event.target.matches(".part-box")) return event.stopPropagation();
  if (event.key in MOVES) {
    const [right, down] = MOVES[event.key].map((way) => way * STEP);
    const { x, y, w, h } = state.box;
    const changed = event.shiftKey
      ? { w: within(w + right, STEP, 1 - x), h: within(h + down, STEP, 1 - y) }
      : { x: within(x + right, 0, 1 - w), y: within(y + down, 0, 1 - h) };
    Object.assign(state.box, changed);
    place(state);
  } else if (event.key === "Enter") {
    search(state);
  } else if (event.key !== "Tab") {
    return event.stopPropagation();
  }
  if (event.key !== "Tab") event.preventDefault();
  event.stopPropagation();
}

function place({ box }) {
  const element = layer?.querySelector(".part-box");
  if (!element) return;
  for (const name of ["x", "y", "w", "h"]) element.style.setProperty(`--${name}`, box[name]);
  const [left, top, width, height] = [box.x, box.y, box.w, box.h].map((part) => Math.round(part * 100));
  element.ariaLabel = gettext(
    "Box %(width)s by %(height)s percent, %(left)s from the left, %(top)s from the top. " +
      "Arrow keys move it, Shift and arrow keys resize it, Enter searches.",
    { width, height, left, top },
  );
}

function search({ box, id }) {
  const parts = [box.x, box.y, Math.min(box.w, 1 - box.x), Math.min(box.h, 1 - box.y)];
  const place = parts.map((part) => (Math.floor(part * 1000) / 1000).toFixed(3)).join(",");
  location.href = `/search?q=${encodeURIComponent(`photo:${id}@${place}`)}`;
}
