// Finding a part of a photo: a box is drawn over the open photo, with the pointer or with the
// keys, and what is in it is searched for.
import { announce, icon } from "./page.js";

const LEAST = 0.02; // of the photo's side; smaller boxes are taken for a slip
const STEP = 0.02;
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const HOW = "Drag a box over what you are looking for";
let layer = null;

export const isDrawing = () => Boolean(layer);

const within = (value, low, high) => Math.min(Math.max(value, low), high);

// Lays the box over the picture of an open viewer; `id` is that of its photo.
export function findPart(pswp, id) {
  if (layer) return stop();
  pswp.currSlide.zoomAndPanToInitial();
  pswp.currSlide.applyCurrentZoomPan();
  const state = { box: { x: 0.3, y: 0.3, w: 0.4, h: 0.4 }, area: null, id, from: null };
  layer = build(state);
  pswp.element.append(layer);
  const fit = () => lay(state, areaOf(pswp));
  pswp.on("resize", fit);
  for (const name of ["destroy", "change"]) pswp.on(name, stop);
  fit();
  place(state);
  layer.querySelector(".part-box").focus();
  announce(`${HOW}, or use the arrow keys.`);
}

export function stop() {
  layer?.remove();
  layer = null;
}

function lay(state, area) {
  state.area = area;
  const { left, top, width, height } = area;
  const shown = layer?.querySelector(".part-area");
  if (shown) Object.assign(shown.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
}

// Where the picture is in the window, whatever the viewer's drawer and bars leave of it.
function areaOf(pswp) {
  const { pan, currZoomLevel: zoom, width, height } = pswp.currSlide;
  const edge = pswp.scrollWrap.getBoundingClientRect();
  return { left: edge.left + pan.x, top: edge.top + pan.y, width: width * zoom, height: height * zoom };
}

function build(state) {
  const made = document.createElement("div");
  made.className = "part-layer";
  made.innerHTML = `<div class="part-area"><div class="part-box" tabindex="0" role="application" aria-roledescription="box"></div></div>
    <div class="part-bar"><p></p><button type="button" class="button" data-part="cancel">Cancel</button><button type="button" class="button primary" data-part="find">Find this part</button></div>`;
  made.querySelector("p").textContent = HOW;
  made.querySelector(".part-bar .primary").prepend(icon("search"));
  for (const name of ["click", "wheel", "touchstart", "touchmove", "touchend"]) made.addEventListener(name, (event) => event.stopPropagation(), { passive: true });
  made.addEventListener("pointerdown", (event) => begin(event, made, state));
  made.addEventListener("pointermove", (event) => draw(event, state));
  for (const name of ["pointerup", "pointercancel"]) made.addEventListener(name, (event) => end(event, state));
  made.addEventListener("click", (event) => {
    const what = event.target.closest("[data-part]")?.dataset.part;
    if (what === "cancel") stop();
    if (what === "find") find(state);
  });
  made.addEventListener("keydown", (event) => onKey(event, state));
  return made;
}

// --- pointer ------------------------------------------------------------------------------------

const pointOf = (event, { left, top, width, height }) => ({
  x: within((event.clientX - left) / width, 0, 1), y: within((event.clientY - top) / height, 0, 1),
});

function begin(event, made, state) {
  event.stopPropagation();
  if (event.target.closest(".part-bar") || event.button) return;
  event.preventDefault();
  made.setPointerCapture(event.pointerId);
  state.from = pointOf(event, state.area);
  state.before = { ...state.box };
}

function draw(event, state) {
  event.stopPropagation();
  if (!state.from) return;
  const { from } = state;
  const to = pointOf(event, state.area);
  state.box = { x: Math.min(from.x, to.x), y: Math.min(from.y, to.y), w: Math.abs(to.x - from.x), h: Math.abs(to.y - from.y) };
  place(state);
}

function end(event, state) {
  event.stopPropagation();
  if (!state.from) return;
  state.from = null;
  if (state.box.w < LEAST || state.box.h < LEAST) state.box = state.before;
  place(state);
  layer?.querySelector(".part-box").focus();
}

// --- keys ---------------------------------------------------------------------------------------

function onKey(event, state) {
  if (event.key === "Escape") {
    event.preventDefault();
    event.stopPropagation();
    return stop();
  }
  if (!event.target.matches(".part-box")) return event.stopPropagation();
  if (event.key in MOVES) {
    const [across, down] = MOVES[event.key].map((way) => way * STEP);
    const { x, y, w, h } = state.box;
    if (event.shiftKey) Object.assign(state.box, { w: within(w + across, STEP, 1 - x), h: within(h + down, STEP, 1 - y) });
    else Object.assign(state.box, { x: within(x + across, 0, 1 - w), y: within(y + down, 0, 1 - h) });
    place(state);
  } else if (event.key === "Enter") {
    find(state);
  } else if (event.key !== "Tab") {
    return event.stopPropagation();
  }
  if (event.key !== "Tab") event.preventDefault();
  event.stopPropagation();
}

function place({ box }) {
  const shown = layer?.querySelector(".part-box");
  if (!shown) return;
  for (const name of ["x", "y", "w", "h"]) shown.style.setProperty(`--${name}`, box[name]);
  const [left, top, width, height] = [box.x, box.y, box.w, box.h].map((part) => Math.round(part * 100));
  shown.ariaLabel = `Box ${width} by ${height} percent, ${left} from the left, ${top} from the top. Arrow keys move it, with Shift they change its size, Enter searches.`;
}

function find({ box, id }) {
  const parts = [box.x, box.y, Math.min(box.w, 1 - box.x), Math.min(box.h, 1 - box.y)];
  const [x, y, w, h] = parts.map((part) => Math.floor(part * 1000) / 1000);
  location.href = `/search?q=${encodeURIComponent(`photo:${id}@${[x, y, w, h].map((part) => part.toFixed(3)).join(",")}`)}`;
}
