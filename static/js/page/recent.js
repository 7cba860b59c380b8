// Thumbnails of the photos that were seen last, kept on the device to look at without a connection: only where
// somebody switched that on, for their account alone, and until they sign out.
import { PREFIX } from "./recent_name.js";

const MOST = 300;
const MINE = PREFIX + document.body.dataset.user;
let keeping = Promise.resolve();

export async function attachRecent() {
  // Browsers have caches over HTTPS and on this machine; and what they keep is shown by the service worker.
  if (!document.body.dataset.user || !globalThis.caches || !navigator.serviceWorker) return;
  const names = await caches.keys();
  const foreign = names.filter((name) => name.startsWith(PREFIX) && name !== MINE);
  await Promise.all(foreign.map((name) => caches.delete(name)));
  attachSwitch(names.includes(MINE));
  if (names.includes(MINE)) watchThumbnails();
}

function attachSwitch(isOn) {
  const part = document.querySelector("[data-recent-switch]");
  if (!part) return;
  const box = part.querySelector("input");
  [part.hidden, box.checked] = [false, isOn];
  box.addEventListener("change", () => (box.checked ? caches.open(MINE) : caches.delete(MINE)));
}

// Those of covered photos are not loaded, and so not kept.
function watchThumbnails() {
  const seen = (image) => {
    if (image.complete && image.naturalWidth && image.matches("[data-grid] .tile:not(.veiled) img")) keepSoon(image);
  };
  document.querySelectorAll("[data-grid] .tile img").forEach(seen);
  document.addEventListener("load", ({ target }) => target instanceof HTMLImageElement && seen(target), true);
}

function keepSoon(image) {
  keeping = keeping.then(() => keep(image.getAttribute("src"), image.alt)).catch(() => {});
}

async function keep(address, alt) {
  if (!(await caches.has(MINE))) return; // It may have been switched off, or somebody signed out.
  const cache = await caches.open(MINE);
  if (await cache.match(address)) return;
  // The browser has it already, as the tile shows it.
  const answer = await fetch(address, { cache: "force-cache" });
  if (answer.status !== 200) return;
  const headers = { "Content-Type": answer.headers.get("Content-Type"), "X-Alt": encodeURIComponent(alt) };
  await cache.put(address, new Response(await answer.blob(), { headers }));
  const kept = await cache.keys();
  await Promise.all(kept.slice(0, -MOST).map((request) => cache.delete(request)));
}
