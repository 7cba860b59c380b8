// The page of the map.
import { askForAlbum } from "../marks/albums.js";
import { request } from "../page/api.js";
import { gettext, ngettext } from "../page/language.js";
import { toast } from "../page/notices.js";
import { count, middlemost, within } from "./area.js";
import { loadColumns, loadIds } from "./columns.js";
import { makePoints } from "./points.js";
import { makeLabels, makeThumbnails } from "./thumbnails.js";
import { attachPointers, makeView } from "./view.js";

const AT_ONCE = 500;
const MOST_TAUGHT = 100;

const section = document.getElementById("map");
if (section) start();

async function start() {
  const screen = section.querySelector(".map-view");
  const note = section.querySelector(".map-note");
  note.textContent = gettext("Loading the map…");
  let map;
  try {
    map = await loadColumns(section.dataset.columns);
  } catch (error) {
    note.textContent = error.message || gettext("The gallery cannot be reached.");
    return;
  }
  note.textContent = "";
  run(screen, map);
}

function run(screen, map) {
  const points = makePoints(screen.querySelector("canvas"));
  const state = { marks: new Uint8Array(map.count), lassoing: false, waiting: false };
  let after = () => {};
  const view = makeView(screen, () => {
    if (state.waiting) return;
    state.waiting = true;
    requestAnimationFrame(draw);
  });

  function draw() {
    state.waiting = false;
    const canvas = screen.querySelector("canvas");
    const [width, height] = [Math.round(view.width * view.ratio), Math.round(view.height * view.ratio)];
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    points.draw(view);
    after();
  }

  const inView = () => {
    const { west, north, east, south } = view.bounds();
    let total = 0;
    for (let n = 0; n < map.count; n++) {
      const [x, y] = [map.x[n] / 65535, map.y[n] / 65535];
      if (x >= west && x <= east && y >= north && y <= south) total++;
    }
    return total;
  };

  points.load(map);
  const thumbnails = makeThumbnails(screen.querySelector(".map-photos"), section.dataset.photos, view, inView);
  let labels = () => {};
  after = () => {
    thumbnails();
    labels();
  };
  request("GET", section.dataset.themes).then((answer) => {
    if (!answer.ok) return;
    labels = makeLabels(screen.querySelector(".map-labels"), view, answer.said.levels);
    labels();
  });

  const polygon = screen.querySelector("polygon");
  attachPointers(screen, view, {
    lassoing: () => state.lassoing,
    drawn: (line) => polygon.setAttribute("points", line.map(({ x, y }) => `${x},${y}`).join(" ")),
    around: (line) => choose(within(map, view, line)),
  });

  function choose(marks) {
    state.marks = marks;
    points.choose(marks);
    const many = count(marks);
    const bar = section.querySelector(".map-bar");
    bar.hidden = many === 0;
    bar.querySelector(".selection-count").textContent = ngettext("%(count)s selected", "%(count)s selected", many);
    setLasso(false);
    draw();
  }

  function setLasso(on) {
    state.lassoing = on;
    screen.classList.toggle("lassoing", on);
    section.querySelector('[data-map="lasso"]').setAttribute("aria-pressed", on);
  }

  // Resolves to the ids of the chosen photos, or to none if the map has changed since it was loaded.
  async function chosen(only = null) {
    const ids = await loadIds(section.dataset.ids).catch(() => null);
    if (ids?.version !== map.version) {
      toast(gettext("The map has changed. Load the page again."));
      return [];
    }
    if (only !== null) return [ids.id(only)];
    return [...state.marks.keys()].filter((n) => state.marks[n]).map(ids.id);
  }

  const around = () => [
    { x: 0, y: 0 },
    { x: view.width, y: 0 },
    { x: view.width, y: view.height },
    { x: 0, y: view.height },
  ];
  const acts = {
    in: () => view.zoomBy(1.6),
    out: () => view.zoomBy(1 / 1.6),
    whole: () => view.reset(),
    lasso: () => setLasso(!state.lassoing),
    visible: () => choose(within(map, view, around())),
    clear: () => choose(new Uint8Array(map.count)),
    album: async () => askForAlbum(await chosen()),
    tag: async () => tag(await chosen()),
    teach: async () => teach(await chosen()),
    near: async () => {
      const [id] = await chosen(middlemost(map, state.marks));
      if (id) location.href = `/photos/${id}/similar`;
    },
  };
  section.addEventListener("click", (event) => acts[event.target.closest("[data-map]")?.dataset.map]?.());
  screen.addEventListener("keydown", (event) => {
    const keys = { l: "lasso", a: "visible", Escape: "clear" };
    if (event.ctrlKey || event.metaKey || !keys[event.key]) return;
    acts[keys[event.key]]();
    event.stopPropagation();
  });
  section.dataset.ready = "yes";
}

// Asks for a tag; resolves to "" if the person cancels.
function askForTag(title) {
  const dialog = document.getElementById("map-tag");
  const field = dialog.querySelector('[name="name"]');
  dialog.querySelector("h2").textContent = title;
  dialog.returnValue = "";
  field.value = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "ok" ? field.value.trim() : ""), {
      once: true,
    });
  });
}

const address = (name, what) => `/api/v1/tags/${encodeURIComponent(name)}/${what}`;

async function tag(ids) {
  if (!ids.length) return;
  const name = await askForTag(ngettext("Tag %(count)s photo", "Tag %(count)s photos", ids.length));
  if (!name) return;
  const changed = [];
  for (let at = 0; at < ids.length; at += AT_ONCE) {
    const answer = await request("POST", address(name, "photos"), { ids: ids.slice(at, at + AT_ONCE) });
    if (!answer.ok) return toast(answer.why);
    changed.push(...answer.said.ids);
  }
  const text = ngettext("%(count)s photo tagged %(tag)s", "%(count)s photos tagged %(tag)s", changed.length, {
    tag: name,
  });
  toast(text, changed.length ? { label: gettext("Undo"), act: () => untag(name, changed) } : null);
}

async function untag(name, ids) {
  for (let at = 0; at < ids.length; at += AT_ONCE) {
    await request("DELETE", address(name, "photos"), { ids: ids.slice(at, at + AT_ONCE) });
  }
  toast(gettext("Undone"));
}

// Hands the chosen photos over as examples of a tag.
async function teach(ids) {
  if (!ids.length) return;
  const name = await askForTag(gettext("Teach a tag from these photos"));
  if (!name) return;
  const answer = await request("POST", address(name, "examples"), { yes: ids.slice(0, MOST_TAUGHT), no: [] });
  toast(answer.ok ? gettext("Taught. Scry looks for more of them.") : answer.why);
}
