// Thumbnails of the photos that were seen last, kept on the device to look at without a connection: only where
// somebody switched that on, for their account alone, and until they sign out.
import { PREFIX } from "./recent_name.js";

const MOST = 300;
const MINE = PREFIX + document.body.dataset.user;
const SEEN = "[data-grid] .tile:not(.veiled, [data-uncovered]) img";
let keeping = Promise.resolve();

export async function attachRecent() {
  // Browsers have caches over HTTPS and on this machine; and what they keep is shown by the service worker.
  if (!document.body.dataset.user || !globalThis.caches || !navigator.serviceWorker) return;
  const names = await caches.keys();
  const foreign = names.filter((name) => name.startsWith(PREFIX) && name !== MINE);
  await Promise.all(foreign.map((name) => caches.delete(name)));
  attachSwitch(names.includes(MINE));
  if (!names.includes(MINE)) return;
  watchThumbnails();
  addEventListener("scry:signed-out", () => caches.delete(MINE));
}

function attachSwitch(isOn) {
  const part = document.querySelector("[data-recent-switch]");
  if (!part) return;
  const box = part.querySelector("input");
  [part.hidden, box.checked] = [false, isOn];
  box.addEventListener("change", () => (box.checked ? caches.open(MINE) : caches.delete(MINE)));
}

function watchThumbnails() {
  document.querySelectorAll("[data-grid] .tile img").forEach(look);
  document.addEventListener("load", ({ target }) => target instanceof HTMLImageElement && look(target), true);
  document.body.addEventListener("htmx:load", ({ detail }) => dropCovered(detail.elt));
  dropCovered(document);
}

function look(image) {
  if (!image.matches(SEEN) || image.closest("[hidden]") || !image.complete || !image.naturalWidth) return;
  const { pathname } = new URL(image.src, location.href);
  const there = image.currentSrc.includes(pathname) ? image.currentSrc : pathname; // not a preview
  soon(() => keep(pathname, there, image.alt));
}

// What was kept before it was covered goes.
function dropCovered(part) {
  for (const image of part.querySelectorAll(".tile.veiled img[data-src]")) {
    const address = image.dataset.src; // It goes with the cover.
    soon(async () => (await caches.has(MINE)) && (await caches.open(MINE)).delete(address));
  }
}

function soon(act) {
  keeping = keeping.then(act).catch(() => {});
}

async function keep(address, there, alt) {
  if (!(await caches.has(MINE))) return; // It may have been switched off, or somebody signed out.
  const cache = await caches.open(MINE);
  // Mostly the browser has it already, as the tile shows it.
  const answer = (await cache.match(address)) ?? (await fetch(there));
  if (answer.status !== 200 || answer.redirected) return;
  const headers = { "Content-Type": answer.headers.get("Content-Type"), "X-Alt": encodeURIComponent(alt) };
  const picture = await answer.blob();
  await cache.delete(address); // The last seen stand last.
  await cache.put(address, new Response(picture, { headers }));
  const kept = await cache.keys();
  await Promise.all(kept.slice(0, -MOST).map((request) => cache.delete(request)));
}
