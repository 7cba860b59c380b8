// Photos that another app shared: the service worker keeps them until the person says to send them.
// Any page can send files to the address that takes them, so nothing is uploaded unasked.
import { ngettext } from "../page/language.js";

const SHARED = "scry-shared";
const keptAs = new WeakMap();

// Registers the service worker; on the page for uploads, offers what was shared to add(files).
export async function attachShared(add) {
  if (!("serviceWorker" in navigator)) return;
  navigator.serviceWorker.register("/service-worker.js").catch(() => {});
  const offer = document.getElementById("shared-files");
  if (!offer || !(await caches.has(SHARED))) return;
  const files = await sharedFiles();
  if (!files.length) return;
  const text = ngettext(
    "%(count)s photo was shared with Scry.",
    "%(count)s photos were shared with Scry.",
    files.length,
  );
  offer.querySelector("span").textContent = text;
  offer.hidden = false;
  offer.addEventListener("click", async (event) => {
    const choice = event.target.closest("[data-shared]")?.dataset.shared;
    if (!choice) return;
    offer.hidden = true;
    if (choice === "upload") add(files);
    else await caches.delete(SHARED);
  });
}

async function sharedFiles() {
  const cache = await caches.open(SHARED);
  const files = [];
  for (const request of await cache.keys()) {
    const answer = await cache.match(request);
    const name = decodeURIComponent(answer.headers.get("X-Name"));
    const file = new File([await answer.blob()], name, { type: answer.headers.get("Content-Type") });
    keptAs.set(file, request);
    files.push(file);
  }
  return files;
}

// The server has the file now.
export async function forgetShared(file) {
  if (keptAs.has(file)) await (await caches.open(SHARED)).delete(keptAs.get(file));
}
