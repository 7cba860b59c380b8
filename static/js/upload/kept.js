// Files that were chosen and are not sent yet, kept by the browser: every page of the gallery goes on
// with them, also after a reload or a crash. They belong to one account, and signing out removes them.
import { pathOf, rememberPath } from "./companions.js";

const NAME = "scry-uploads";
const STORE = "files";
const SHARE = 0.8; // of the room that the browser gives; what is left is for its own needs
const user = document.body.dataset.user;
let chosen = 0;

// Of all pages only one may send what is kept, and that needs locks: browsers have them over HTTPS
// and on this machine. Without them the files stay in the page.
export const canKeep = Boolean(globalThis.indexedDB && navigator.locks && user);

// Keys in the order in which the files were chosen; the account comes first.
export const newKey = () => `${user}/${Date.now()}-${String(chosen++).padStart(6, "0")}-${Math.random()}`;
const mine = () => IDBKeyRange.bound(`${user}/`, `${user}0`, false, true); // "0" follows "/"

const settled = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

// The database is closed each time: Back restores no page that has one open, in some browsers.
async function within(mode, ask) {
  const opening = indexedDB.open(NAME, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: "key" });
  const database = await settled(opening);
  try {
    const deal = database.transaction(STORE, mode);
    const ended = new Promise((resolve, reject) => {
      deal.oncomplete = resolve;
      deal.onabort = () => reject(deal.error);
    });
    const [answer] = await Promise.all([settled(ask(deal.objectStore(STORE))), ended]);
    return answer;
  } finally {
    database.close();
  }
}

// Resolves to whether the browser has the file now, or what is to be told of it. A quota may be used
// up, a private window may keep nothing.
export async function keep(job, { file = job.file, problem = null, photo = null } = {}) {
  if (!canKeep || !(await hasRoom(file))) return false;
  const { key, addTo = "", upload = "" } = job;
  const record = { key, file, name: job.file.name, path: pathOf(job.file), addTo, upload, problem, photo };
  return within("readwrite", (store) => store.put(record)).then(
    () => true,
    () => false,
  );
}

async function hasRoom(file) {
  const { quota = Number.POSITIVE_INFINITY, usage = 0 } = (await navigator.storage?.estimate?.()) ?? {};
  return usage + (file?.size ?? 0) < quota * SHARE;
}

export async function forget({ key }) {
  if (canKeep) await within("readwrite", (store) => store.delete(key)).catch(() => {});
}

export async function hasKept() {
  return canKeep && (await within("readonly", (store) => store.count(mine())).catch(() => 0)) > 0;
}

// Resolves to all that is kept for this account, in the order in which it was chosen. Of what was
// sent or refused only the name is there.
export async function allKept() {
  if (!canKeep) return [];
  const records = await within("readonly", (store) => store.getAll(mine())).catch(() => []);
  return records.map(({ file, name, path, ...more }) => {
    const known = file ?? new File([], name);
    rememberPath(known, path);
    return { ...more, file: known };
  });
}
