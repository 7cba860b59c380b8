// Which part of the map is in view, and the gestures that change it: drag, wheel, pinch and keys.

const CLOSEST = 400;
const STEP = 1.35;

// `changed` is called after each change. `view.x` and `view.y` (0 to 1) are in the middle, and `zoom`
// is in CSS pixels for the side of the map.
export function makeView(element, changed) {
  const view = { x: 0.5, y: 0.5, zoom: 1, width: 1, height: 1, ratio: 1, size: 3, whole: 1 };

  view.measure = () => {
    const former = view.whole;
    view.width = element.clientWidth;
    view.height = element.clientHeight;
    view.ratio = Math.min(devicePixelRatio || 1, 2);
    view.whole = Math.min(view.width, view.height);
    view.zoom = former > 1 ? view.zoom * (view.whole / former) : view.whole;
    settle();
  };
  view.reset = () => {
    Object.assign(view, { x: 0.5, y: 0.5, zoom: view.whole });
    settle();
  };
  // Zooms so that what lies under a place on the screen stays there.
  view.zoomBy = (factor, at = { x: view.width / 2, y: view.height / 2 }) => {
    const before = view.toMap(at);
    view.zoom = Math.min(Math.max(view.zoom * factor, view.whole * 0.8), view.whole * CLOSEST);
    const after = view.toMap(at);
    view.x += before.x - after.x;
    view.y += before.y - after.y;
    settle();
  };
  view.moveBy = (dx, dy) => {
    view.x -= dx / view.zoom;
    view.y -= dy / view.zoom;
    settle();
  };
  view.toMap = (at) => ({
    x: view.x + (at.x - view.width / 2) / view.zoom,
    y: view.y + (at.y - view.height / 2) / view.zoom,
  });
  view.toScreen = (at) => ({
    x: (at.x - view.x) * view.zoom + view.width / 2,
    y: (at.y - view.y) * view.zoom + view.height / 2,
  });
  view.bounds = () => {
    const [low, high] = [view.toMap({ x: 0, y: 0 }), view.toMap({ x: view.width, y: view.height })];
    return { west: low.x, north: low.y, east: high.x, south: high.y };
  };

  function settle() {
    view.x = Math.min(Math.max(view.x, 0), 1);
    view.y = Math.min(Math.max(view.y, 0), 1);
    view.size = Math.min(3 + Math.log2(Math.max(view.zoom / view.whole, 1)), 9);
    changed();
  }

  element.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
      const box = element.getBoundingClientRect();
      const at = { x: event.clientX - box.left, y: event.clientY - box.top };
      view.zoomBy(Math.exp(-event.deltaY * lines * 0.0016), at);
    },
    { passive: false },
  );
  element.addEventListener("keydown", (event) => onKey(view, event));
  new ResizeObserver(view.measure).observe(element);
  return view;
}

function onKey(view, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const far = Math.min(view.width, view.height) / 5;
  const moves = { ArrowLeft: [far, 0], ArrowRight: [-far, 0], ArrowUp: [0, far], ArrowDown: [0, -far] };
  const zooms = { "+": STEP, "=": STEP, "-": 1 / STEP };
  if (moves[event.key]) view.moveBy(...moves[event.key]);
  else if (zooms[event.key]) view.zoomBy(zooms[event.key]);
  else if (event.key === "0") view.reset();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

// Drags move the map or, while `lassoing` says so, hand over a line around photos; two fingers zoom.
export function attachPointers(element, view, { lassoing, drawn, around }) {
  const fingers = new Map();
  let line = null;

  const place = (event) => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const spread = () => {
    const [first, second] = [...fingers.values()];
    const middle = { x: (first.x + second.x) / 2, y: (first.y + second.y) / 2 };
    return { middle, apart: Math.hypot(first.x - second.x, first.y - second.y) };
  };

  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    fingers.set(event.pointerId, place(event));
    if (fingers.size === 1 && (lassoing() || event.shiftKey)) line = [place(event)];
    if (fingers.size > 1) line = null;
  });
  element.addEventListener("pointermove", (event) => {
    const former = fingers.get(event.pointerId);
    if (!former) return;
    const now = place(event);
    // Captured only once it moves, so that a click on a photo still opens it.
    if (Math.hypot(now.x - former.x, now.y - former.y) > 2) element.setPointerCapture(event.pointerId);
    if (line) {
      line.push(now);
      drawn(line);
      fingers.set(event.pointerId, now);
      return;
    }
    const before = fingers.size > 1 ? spread() : null;
    fingers.set(event.pointerId, now);
    if (before) {
      const after = spread();
      view.moveBy(after.middle.x - before.middle.x, after.middle.y - before.middle.y);
      view.zoomBy(after.apart / Math.max(before.apart, 1), after.middle);
    } else {
      element.classList.add("dragging");
      view.moveBy(now.x - former.x, now.y - former.y);
    }
  });
  const end = (event) => {
    fingers.delete(event.pointerId);
    element.classList.remove("dragging");
    if (!line || fingers.size) return;
    const whole = line;
    line = null;
    drawn([]);
    if (whole.length > 2) around(whole);
  };
  element.addEventListener("pointerup", end);
  element.addEventListener("pointercancel", end);
  element.addEventListener("dragstart", (event) => event.preventDefault());
}
