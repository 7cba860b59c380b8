// Compares two photos at the same place and size: flicker, a split line, side by side, or their
// difference. Both zoom and move together.
import { gettext, percent } from "../page/language.js";
import { announce } from "../page/notices.js";
import { cropPlace } from "./crop.js";
import { cropTransform, poseOf, poseTransform } from "./pose.js";

const PREVIEW_SIDE = 1440;
// Formats that browsers can show. Originals in other formats are never put into a page.
const DRAWN = new Set(["JPEG", "PNG", "WEBP", "GIF", "AVIF"]);
const MODES = ["flicker", "split", "side", "difference"];
const LIMIT = 16;

const dialog = document.getElementById("compare");
const stage = dialog?.querySelector(".compare-stage");
const one = (css) => dialog.querySelector(css);
let members = [];
let at = { a: 0, b: 1 };
let decide = null;
let view = { x: 0, y: 0, scale: 1 };
let pose = { turn: 0, mirror: false }; // turns and mirrors B like A
let crop = null; // of B in A or, inverse, of A in B
let judged = new Set(); // places of the members that were compared already

// A member has id, name, w, h, format and facts (name to value); a and b are places in `list`.
// options.decide(a, b, verdict) returns whether the group is done; null if there is nothing to decide.
export function openCompare(list, a, b, options) {
  [members, at, decide, judged] = [list, { a, b }, options.decide, new Set()];
  setMode("flicker");
  fit();
  fill();
  showB(options.flicker);
  dialog.showModal();
  stage.focus();
}

const photo = (side) => members[at[side]];

function fill() {
  for (const side of ["a", "b"]) {
    const { id, name, w, h } = photo(side);
    const image = one(`.pane.${side} img`);
    if (image.dataset.id === id) continue;
    Object.assign(image.dataset, { id, wanted: "" });
    image.src = `/photos/${id}/preview`;
    image.alt = `${side.toUpperCase()}: ${name}`;
    image.width = w;
    image.height = h;
  }
  for (const side of ["a", "b"]) one(`[data-name="${side}"]`).textContent = photo(side).name;
  alignB();
  one(".others").hidden = members.length < 3;
  const place = order().indexOf(at.b) + 1;
  one("[data-place]").textContent = gettext("%(place)s of %(total)s", { place, total: members.length - 1 });
  one("tbody").replaceChildren(...rows());
  const pair = members.length === 2;
  one(".compare-actions").hidden = !decide;
  one('[data-decide="a"]').textContent = pair ? gettext("Keep A, trash B") : gettext("Keep A, mark B for the trash");
  one('[data-decide="b"]').textContent = pair ? gettext("Keep B, trash A") : gettext("Keep B, mark A for the trash");
  one('[data-decide="dismiss"]').hidden = !pair;
}

// Places of the photos that can stand as B.
const order = () => members.map((_, place) => place).filter((place) => place !== at.a);

function stepB(way) {
  const places = order();
  at.b = places[(places.indexOf(at.b) + way + places.length) % places.length];
  fill();
  announce(`B: ${photo("b").name}`);
}

// Turns, mirrors and crops B so that it lies on A, once both are loaded.
async function alignB() {
  setPose({ turn: 0, mirror: false });
  const [a, b] = ["a", "b"].map((side) => one(`.pane.${side} img`));
  const pair = `${a.dataset.id} ${b.dataset.id}`;
  await Promise.all([a.decode(), b.decode()]).catch(() => {});
  // Aligning takes a moment, so both pictures are painted first.
  await new Promise((resolve) => setTimeout(resolve, 40));
  if (pair !== `${a.dataset.id} ${b.dataset.id}` || !a.naturalWidth || !b.naturalWidth) return;
  const best = poseOf(a, b);
  setPose(best, best.likeness < 0.99 ? cropOf(a, b, best) : null);
}

const shapeOf = (side) => Number(photo(side).w) / Number(photo(side).h);
const shapeB = () => (pose.turn % 2 ? 1 / shapeOf("b") : shapeOf("b"));

// Either picture may be a crop of the other.
function cropOf(a, b, { turn, mirror }) {
  const shape = turn % 2 ? 1 / shapeOf("b") : shapeOf("b");
  const inside = cropPlace(a, b, shape, { turn, mirror });
  const around = turn || mirror ? null : cropPlace(b, a, shapeOf("a"), { turn: 0, mirror: false });
  const best = (around?.likeness ?? 0) > (inside?.likeness ?? 0) ? { ...around, inverse: true } : inside;
  return best && best.share < 0.99 ? best : null;
}

function setPose(next, part = null) {
  [pose, crop] = [next, part];
  const changes = [
    pose.mirror && gettext("mirrored"),
    pose.turn && gettext("turned"),
    crop && gettext("scaled"),
  ].filter(Boolean);
  const list = new Intl.ListFormat(document.documentElement.lang).format(changes);
  one(".pose").hidden = !changes.length;
  one(".pose").textContent = gettext("B is %(changes)s to match A", { changes: list });
  place();
}

function rows() {
  const [a, b] = [photo("a").facts, photo("b").facts];
  return [...a.keys()]
    .filter((name) => a.get(name) !== b.get(name))
    .map((name) => {
      const row = document.createElement("tr");
      row.insertCell().outerHTML = '<th scope="row"></th>';
      row.firstElementChild.textContent = name;
      row.insertCell().textContent = a.get(name) ?? "";
      row.insertCell().textContent = b.get(name) ?? "";
      if (name === "Size") {
        const more = (side) => photo(side).w * photo(side).h;
        if (more("a") > more("b")) row.className = "better-a";
        if (more("b") > more("a")) row.className = "better-b";
      }
      return row;
    });
}

// --- modes ---

function setMode(name) {
  dialog.dataset.mode = name;
  for (const button of dialog.querySelectorAll(".modes button")) {
    button.ariaPressed = String(button.dataset.mode === name);
  }
  showB(false);
  place();
}

function showB(on) {
  dialog.classList.toggle("show-b", Boolean(on));
  const button = one("[data-flick]");
  button.ariaPressed = String(Boolean(on));
  button.querySelector("b").textContent = on ? gettext("This is B") : gettext("Show B");
}

const showsB = () => dialog.classList.contains("show-b");

// --- zoom and place ---

const room = () => stage.getBoundingClientRect();
// Side by side, each half shows the same part.
const width = () => (dialog.dataset.mode === "side" ? room().width / 2 - 1 : room().width);

function fit() {
  view = { x: 0, y: 0, scale: 1 };
  place();
}

function place() {
  const { height } = room();
  view.x = Math.min(0, Math.max(view.x, width() * (1 - view.scale)));
  view.y = Math.min(0, Math.max(view.y, height * (1 - view.scale)));
  const box = { width: width(), height };
  if (photo("b")) {
    dialog.style.setProperty("--pose", poseTransform(pose, Number(photo("b").w), Number(photo("b").h), box));
    dialog.style.setProperty("--lay", cropTransform(crop, crop?.inverse, shapeOf("a"), shapeB(), box));
  }
  dialog.style.setProperty("--view", `translate(${view.x}px, ${view.y}px) scale(${view.scale})`);
  one(".zoom-now").textContent = view.scale === 1 ? gettext("Fit") : percent(Math.round(view.scale * 100));
  dialog.toggleAttribute("data-fine", view.scale > 4);
  if (dialog.open && view.scale > 1) sharpen();
}

// Zooms around the point (x, y) of the stage, in pixels.
function zoom(factor, x = width() / 2, y = room().height / 2) {
  const scale = Math.min(Math.max(view.scale * factor, 1), LIMIT);
  const step = scale / view.scale;
  view = { scale, x: x - (x - view.x) * step, y: y - (y - view.y) * step };
  place();
}

// Loads originals once the previews would be enlarged.
function sharpen() {
  for (const side of ["a", "b"]) {
    const { id, w, h, format } = photo(side);
    const image = one(`.pane.${side} img`);
    const longSide = Math.min(width() / w, room().height / h) * Math.max(w, h) * view.scale * devicePixelRatio;
    if (longSide <= PREVIEW_SIDE || Math.max(w, h) <= PREVIEW_SIDE || !DRAWN.has(format)) continue;
    const source = `/photos/${id}/original`;
    if (image.dataset.wanted === source) continue;
    image.dataset.wanted = source;
    stage.classList.add("busy");
    const fine = new Image();
    fine.src = source;
    // The pair may have changed in the meantime.
    fine
      .decode()
      .then(
        () => {
          if (photo(side)?.id === id) image.src = source;
        },
        () => {},
      )
      .finally(() => stage.classList.remove("busy"));
  }
}

// --- pointers: drag to move, pinch or wheel to zoom, hold or tap to flicker ---

const pointers = new Map();
let still = 0; // when the only pointer came down, or 0 once it has moved
let showedB = false; // whether B was shown then
let holding = 0;

const local = (event) => ({ x: (event.clientX - room().left) % (width() + 2), y: event.clientY - room().top });

function onDown(event) {
  if (event.target.closest("button, input")) return;
  stage.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, local(event));
  still = pointers.size === 1 ? event.timeStamp : 0;
  showedB = showsB();
  clearTimeout(holding);
  if (still && dialog.dataset.mode === "flicker") holding = setTimeout(() => still && showB(!showsB()), 220);
}

function onMove(event) {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const now = local(event);
  if (still && Math.hypot(now.x - before.x, now.y - before.y) < 6) return;
  still = 0;
  clearTimeout(holding);
  stage.classList.add("dragging");
  if (pointers.size === 1) {
    view.x += now.x - before.x;
    view.y += now.y - before.y;
    place();
  } else {
    const rest = [...pointers].find(([id]) => id !== event.pointerId)[1];
    const apart = (point) => Math.hypot(point.x - rest.x, point.y - rest.y);
    zoom(apart(now) / Math.max(apart(before), 1), (now.x + rest.x) / 2, (now.y + rest.y) / 2);
  }
  pointers.set(event.pointerId, now);
}

function onUp(event) {
  if (!pointers.delete(event.pointerId)) return;
  stage.classList.remove("dragging");
  clearTimeout(holding);
  if (!still || dialog.dataset.mode !== "flicker") return;
  const held = event.timeStamp - still > 220;
  still = 0;
  // Releasing a long press returns to A; a tap switches and stays.
  showB(!held && !showedB);
}

// --- keys ---

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches(".split-at")) return;
  const zoomed = view.scale > 1;
  const step = 80;
  const actions = {
    " ": () => (event.target.closest("button:not([data-flick])") ? false : flickerToB()),
    1: () => setMode(MODES[0]),
    2: () => setMode(MODES[1]),
    3: () => setMode(MODES[2]),
    4: () => setMode(MODES[3]),
    "+": () => zoom(1.4),
    "=": () => zoom(1.4),
    "-": () => zoom(1 / 1.4),
    0: fit,
    r: () => setPose({ ...pose, turn: (pose.turn + 1) % 4 }),
    m: () => setPose({ ...pose, mirror: !pose.mirror }),
    a: () => judge("a"),
    b: () => judge("b"),
    n: () => judge("dismiss"),
    ArrowLeft: () => (zoomed ? move(step, 0) : stepB(-1)),
    ArrowRight: () => (zoomed ? move(-step, 0) : stepB(1)),
    ArrowUp: () => move(0, step),
    ArrowDown: () => move(0, -step),
  };
  const action = actions[event.key];
  if (!action || action() === false) return;
  event.preventDefault();
  event.stopPropagation();
}

function flickerToB() {
  if (dialog.dataset.mode !== "flicker") setMode("flicker");
  showB(true);
}

function move(x, y) {
  view.x += x;
  view.y += y;
  place();
}

// --- the verdict: "a", "b" or "dismiss" ---

function judge(verdict) {
  if (!decide || (verdict === "dismiss" && members.length > 2)) return;
  const done = decide(photo("a"), photo("b"), verdict);
  if (done) return dialog.close();
  // The winner stays as A and is compared with the next member.
  judged.add(at.a).add(at.b);
  if (verdict === "b") at.a = at.b;
  const next = order().find((place) => !judged.has(place));
  if (next === undefined) return dialog.close();
  at.b = next;
  fill();
  announce(`A: ${photo("a").name}, B: ${photo("b").name}`);
}

if (dialog) {
  stage.addEventListener("pointerdown", onDown);
  stage.addEventListener("pointermove", onMove);
  stage.addEventListener("pointerup", onUp);
  stage.addEventListener("pointercancel", onUp);
  stage.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const { x, y } = local(event);
      zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0022)), x, y);
    },
    { passive: false },
  );
  stage.addEventListener("dblclick", (event) => {
    if (event.target.closest("button, input")) return;
    const { x, y } = local(event);
    if (view.scale > 1) fit();
    else zoom(3, x, y);
  });
  stage.addEventListener("contextmenu", (event) => event.preventDefault());
  dialog.addEventListener("keydown", onKey);
  dialog.addEventListener("keyup", (event) => {
    if (event.key === " ") showB(false);
  });
  const flick = one("[data-flick]");
  flick.addEventListener("pointerdown", () => showB(true));
  for (const name of ["pointerup", "pointercancel", "pointerleave"]) flick.addEventListener(name, () => showB(false));
  one(".split-at").addEventListener("input", ({ target }) => dialog.style.setProperty("--split", `${target.value}%`));
  dialog.addEventListener("click", (event) => {
    const { dataset } = event.target.closest("button") ?? dialog;
    if (event.target.closest(".modes button")) setMode(dataset.mode);
    if (dataset.zoom === "in") zoom(1.4);
    if (dataset.zoom === "out") zoom(1 / 1.4);
    if (dataset.zoom === "fit") fit();
    if (dataset.other) stepB(Number(dataset.other));
    if (dataset.decide) judge(dataset.decide);
    if ("close" in dataset) dialog.close();
  });
  addEventListener("resize", () => dialog.open && place());
}
