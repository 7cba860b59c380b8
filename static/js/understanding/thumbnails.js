// Photos over the points, once few enough are in view, and the names of themes.
import { request } from "../page/api.js";

const MOST = 150;
const WAIT_MS = 160;

// Shows thumbnails in `box` for what `view` shows of the photos at `path`.
export function makeThumbnails(box, path, view, inView) {
  const shown = new Map();
  let asked = 0;
  let timer = null;

  function move() {
    const side = Math.min(Math.max(36, 0.55 * Math.sqrt((view.width * view.height) / Math.max(shown.size, 1))), 128);
    box.style.setProperty("--thumb", `${Math.round(side)}px`);
    for (const { link, x, y } of shown.values()) {
      const at = view.toScreen({ x, y });
      link.style.transform = `translate(${at.x - side / 2}px, ${at.y - side / 2}px)`;
    }
  }

  function clear() {
    shown.clear();
    box.replaceChildren();
  }

  async function load() {
    const number = ++asked;
    if (inView() >= MOST) return clear();
    const bounds = Object.entries(view.bounds()).map(([side, value]) => [side, Math.min(Math.max(value, -1), 2)]);
    const answer = await request("GET", `${path}?${new URLSearchParams(bounds)}`);
    if (number !== asked || !answer.ok) return;
    const ids = new Set(answer.said.photos.map((photo) => photo.id));
    for (const [id, { link }] of shown) {
      if (ids.has(id)) continue;
      link.remove();
      shown.delete(id);
    }
    for (const photo of answer.said.photos) {
      if (!shown.has(photo.id)) shown.set(photo.id, { ...photo, link: box.appendChild(thumbnail(photo)) });
    }
    move();
  }

  return () => {
    if (shown.size) move();
    clearTimeout(timer);
    timer = setTimeout(load, WAIT_MS);
  };
}

function thumbnail(photo) {
  const link = document.createElement("a");
  link.href = photo.url;
  const image = new Image();
  image.src = photo.thumbnail;
  image.alt = photo.name;
  image.decoding = "async";
  link.append(image);
  return link;
}

// Names the themes: the large ones on the whole map, finer ones when it is closer.
export function makeLabels(box, view, levels) {
  let places = [];
  let level = -1;

  return () => {
    const wanted = Math.min(view.zoom / view.whole > 2.5 ? 1 : 0, levels.length - 1);
    if (wanted < 0) return;
    if (wanted !== level) {
      level = wanted;
      const named = levels[level].themes.filter((theme) => theme.title);
      places = named.map((theme) => ({ ...theme, label: label(theme.title) }));
      box.replaceChildren(...places.map((place) => place.label));
    }
    const taken = [];
    for (const { label, x, y } of places) {
      const at = view.toScreen({ x, y });
      const near = taken.some((other) => Math.abs(other.x - at.x) < 120 && Math.abs(other.y - at.y) < 24);
      label.hidden = near || at.x < 0 || at.y < 0 || at.x > view.width || at.y > view.height;
      if (label.hidden) continue;
      taken.push(at);
      label.style.transform = `translate(${at.x}px, ${at.y}px) translate(-50%, -50%)`;
    }
  };
}

function label(text) {
  const made = document.createElement("span");
  made.textContent = text;
  return made;
}
