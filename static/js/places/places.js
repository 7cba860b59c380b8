// The page of places: a map, the photos on it as clusters, and a panel with those of one.
import { request } from "../page/api.js";
import { gettext, ngettext } from "../page/language.js";
import { makeClusters, makeTowns } from "./marks.js";
import { drawOutline } from "./outline.js";
import { makePanel } from "./panel.js";
import { areaOf, boundsOf, readPlace, writePlace } from "./position.js";

const { L } = globalThis;
const WAIT_MS = 120;
const STEP = 120; // pixels
const MARGIN = [40, 40]; // pixels around what is to be seen, whose photos lie on its edge
const CLOSEST = 18;
const CLOSE = 11; // as close as all photos, or those of an area, are shown at first

const section = document.getElementById("places");
if (section) start();

function start() {
  const { clusters: path, outline, tiles, attribution } = section.dataset;
  const map = makeMap(section.querySelector(".places-view"));
  drawOutline(map, outline);
  if (tiles) {
    L.tileLayer(tiles, { attribution: escaped(attribution), maxZoom: CLOSEST }).addTo(map);
  }
  if (!tiles) map.attributionControl.addAttribution("Natural Earth, GeoNames (CC BY 4.0)");

  const panel = makePanel(section, map);
  const clusters = makeClusters(map, panel.open);
  const towns = tiles ? () => {} : makeTowns(map);
  const count = document.getElementById("places-count");
  let asked = 0;
  let timer;

  async function load() {
    const number = asked;
    const answer = await ask(path, areaOf(map.getBounds()), map.getZoom());
    if (number !== asked) return;
    if (!answer.ok) {
      count.textContent = answer.why;
      section.removeAttribute("aria-busy");
      return;
    }
    const many = answer.said.photos;
    count.textContent = ngettext("%(count)s photo in view", "%(count)s photos in view", many);
    clusters(answer.said.clusters);
    towns(answer.said.towns);
    section.dataset.ready = map.getZoom();
    section.removeAttribute("aria-busy");
  }

  map.on("moveend", () => {
    asked += 1; // What is still under way is about what was in view before.
    delete section.dataset.ready;
    writePlace(map);
    clearTimeout(timer);
    timer = setTimeout(load, WAIT_MS);
  });
  document.querySelector("[data-places='whole']").addEventListener("click", () => showAll(map, path));
  attachKeys(map.getContainer(), map, () => showAll(map, path));
  addEventListener("hashchange", () => goTo(map, path));
  new ResizeObserver(() => map.invalidateSize({ pan: false })).observe(map.getContainer());
  goTo(map, path);
}

function makeMap(screen) {
  const map = L.map(screen, {
    zoomControl: false,
    minZoom: 1,
    maxZoom: CLOSEST,
    worldCopyJump: true,
    dragging: false, // until there is something to drag
    maxBounds: [
      [-86, -720],
      [86, 720],
    ],
    maxBoundsViscosity: 1,
    keyboard: false,
    zoomAnimation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
  });
  map.whenReady(() => map.dragging.enable());
  map.attributionControl.setPrefix(false);
  L.control.zoom({ zoomInTitle: gettext("Closer"), zoomOutTitle: gettext("Farther") }).addTo(map);
  L.control.scale().addTo(map);
  return map;
}

// Leaflet's own keys listen to the whole page, which has others for the same keys.
function attachKeys(screen, map, showAll) {
  // An animation would swallow a key that is pressed while it runs.
  const zoomBy = (steps) => map.setZoom(map.getZoom() + steps, { animate: false });
  const acts = {
    ArrowLeft: () => map.panBy([-STEP, 0]),
    ArrowRight: () => map.panBy([STEP, 0]),
    ArrowUp: () => map.panBy([0, -STEP]),
    ArrowDown: () => map.panBy([0, STEP]),
    "+": () => zoomBy(1),
    "=": () => zoomBy(1),
    "-": () => zoomBy(-1),
    0: showAll,
  };
  screen.tabIndex = 0;
  screen.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !acts[event.key]) return;
    if (map.getZoom() !== undefined) acts[event.key]();
    event.preventDefault();
    event.stopPropagation();
  });
}

// Goes to what the address names, or shows all places.
function goTo(map, path) {
  const place = readPlace(location.hash);
  if (place?.bounds) map.fitBounds(place.bounds, { maxZoom: CLOSE + 4, padding: MARGIN });
  else if (place) map.setView(place.at, place.zoom);
  else showAll(map, path);
}

// Nothing is drawn before it is known where the photos are: a world that jumps away is worse.
async function showAll(map, path) {
  const answer = await ask(path, { south: -90, west: -180, north: 90, east: 180 }, 2);
  const bounds = L.latLngBounds((answer.said?.clusters ?? []).flatMap(({ area }) => boundsOf(area)));
  if (bounds.isValid()) map.fitBounds(bounds, { maxZoom: CLOSE, padding: MARGIN });
  else map.setView([25, 10], 2);
}

function ask(path, area, zoom) {
  return request("GET", `${path}?${new URLSearchParams({ ...area, zoom })}`);
}

// Leaflet writes attributions as HTML.
function escaped(text) {
  const span = document.createElement("span");
  span.textContent = text;
  return span.innerHTML;
}
