// Keeps the place of whoever scrolls: while photos are loaded above them, and when Back or a reload load
// the page anew. What a list begins with is in `data-start`, so that a deep place costs one request.
import { joinDays } from "./grid.js";

const LINE = 120; // pixels from the top, below all bars
const STILL_MS = 250; // without scrolling, before the place is noted
const grid = () => document.querySelector("main #photos[data-grid]");
let placed = Promise.resolve();
const topOf = (element) => element.getBoundingClientRect().top;

export function attachPlace() {
  keepWhileNewerLoad();
  if (!grid()) return;
  history.scrollRestoration = "manual";
  let still;
  addEventListener(
    "scroll",
    () => {
      clearTimeout(still);
      still = setTimeout(notePlace, STILL_MS);
    },
    { passive: true },
  );
  if (history.state?.place) placed = goBack(history.state.place);
}

// Resolves when a list that is loaded anew has come to its place.
export const whenPlaced = () => placed;

// Days that are not drawn are not measured either: that would draw them all.
function firstInView() {
  const below = (element) => element.getBoundingClientRect().bottom > LINE;
  const day = [...grid().querySelectorAll(".day")].find(below);
  return [...(day ?? grid()).querySelectorAll(".tile")].find(below);
}

// --- photos that come above ---

function keepWhileNewerLoad() {
  let kept = null;
  document.body.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (!grid() || !detail.target.matches?.(".newer")) return;
    const tile = firstInView();
    kept = tile && { tile, top: topOf(tile), first: grid().querySelector(".tile") };
  });
  document.body.addEventListener("htmx:afterSwap", () => {
    if (!kept) return;
    const { tile, top, first } = kept;
    kept = null;
    joinDays();
    draw(daysBefore(first));
    const root = document.documentElement;
    root.style.overflowAnchor = "none"; // or the browser would do the same once more
    scrollBy({ top: topOf(tile) - top, behavior: "instant" });
    requestAnimationFrame(() => root.style.removeProperty("overflow-anchor"));
  });
}

function daysBefore(tile) {
  const days = [...grid().querySelectorAll(".day")];
  return days.slice(0, days.indexOf(tile.closest(".day")) + 1);
}

// The browser guesses the height of what it has not drawn. These days are drawn now, and those of the time
// before have long had their height.
function draw(days) {
  for (const day of grid().querySelectorAll(".fresh")) day.classList.remove("fresh");
  for (const day of days) day.classList.add("fresh");
}

// --- Back and reload ---

// While the viewer is open, the list stays where it was.
export function notePlace() {
  if (document.querySelector(".pswp") || !grid()) return;
  const tile = scrollY > LINE && firstInView();
  const starts = tile ? [...grid().querySelectorAll("[data-start]")] : [];
  const before = (element) => element.compareDocumentPosition(tile) & Node.DOCUMENT_POSITION_FOLLOWING;
  const start = starts.findLast((element) => element === tile || before(element))?.dataset.start;
  const loaded = grid().querySelectorAll(".tile").length;
  const place = tile && { id: tile.dataset.id, top: topOf(tile), start, loaded };
  history.replaceState({ ...history.state, place: place || undefined }, "");
}

async function goBack(place) {
  const tile = () => grid().querySelector(`.tile[data-id="${place.id}"]`);
  if (!tile() && place.start) await loadFrom(place.start);
  while (!tile() && grid().querySelectorAll(".tile").length < place.loaded && (await loadNext()));
  if (tile()) scrollBy({ top: topOf(tile()) - place.top, behavior: "instant" });
}

// Replaces the photos by those of the page that begins at a place.
async function loadFrom(start) {
  const address = new URL(location);
  address.searchParams.delete("before");
  address.searchParams.set("after", start);
  const answer = await fetch(address).catch(() => null);
  const page = new DOMParser().parseFromString(answer?.ok ? await answer.text() : "", "text/html");
  const found = page.querySelector("main #photos[data-grid]");
  if (!found) return;
  const pill = page.querySelector(".jumped");
  if (pill && !document.querySelector(".jumped")) grid().before(document.adoptNode(pill));
  grid().replaceWith(document.adoptNode(found));
  htmx.process(grid());
  document.dispatchEvent(new CustomEvent("scry:tiles", { detail: grid() }));
}

// Resolves to whether there was a next page.
function loadNext() {
  const more = grid().querySelector(".more:not(.newer) [hx-get]");
  if (!more) return false;
  return new Promise((resolve) => {
    document.body.addEventListener("htmx:load", () => resolve(true), { once: true });
    htmx.trigger(more, "intersect");
  });
}
