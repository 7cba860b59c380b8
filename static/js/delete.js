// Moving photos to the trash, which is never asked about because it can be undone, and back.
import { photos, request, toast } from "./page.js";

const UNDO_MS = 12000; // as long as the toast with it is shown, see .toast in base.css
const AT_ONCE = 5000; // photos in one request
const LEFT_BEHIND = "scry-undo";

async function send(path, ids) {
  const moved = [];
  for (let start = 0; start < ids.length; start += AT_ONCE) {
    const answer = await request("POST", path, { ids: ids.slice(start, start + AT_ONCE) });
    if (!answer.ok) return { moved, failed: true };
    moved.push(...answer.said.ids);
  }
  return { moved, failed: false };
}

// Moves photos to the trash, offers to undo it, and resolves to the ids that are gone from here.
export async function moveToTrash(ids) {
  if (!ids.length) return [];
  const { moved, failed } = await send("/api/v1/photos/trash", ids);
  // Photos that another tab has moved already are gone too.
  const gone = failed ? moved : ids;
  const halved = hasHalfStack(gone);
  const taken = takeOutTiles(gone);
  if (failed) toast(`${photos(ids.length - moved.length)} could not be moved to the trash. Try again.`);
  if (moved.length) offerUndo(moved, taken);
  else if (!failed) toast("Already in the trash");
  if (halved) reloadGrid();
  htmx.trigger(document.body, "scry:changed");
  return gone;
}

// Another photo stands for a stack whose cover alone is gone; the gallery knows which.
function hasHalfStack(ids) {
  const gone = new Set(ids);
  return [...document.querySelectorAll(".tile[data-stack-ids]")].some(({ dataset }) => (
    gone.has(dataset.id) && dataset.stackIds.split(" ").some((id) => !gone.has(id))
  ));
}

// While the lightbox is open the address is that of a photo that is gone.
function reloadGrid() {
  if (document.querySelector(".pswp")) setTimeout(reloadGrid, 200);
  else location.reload();
}

function offerUndo(ids, taken, remaining = UNDO_MS) {
  sessionStorage.setItem(LEFT_BEHIND, JSON.stringify({ ids, until: Date.now() + remaining }));
  const forget = () => sessionStorage.removeItem(LEFT_BEHIND);
  const line = toast(`${photos(ids.length)} moved to the trash`, {
    label: "Undo",
    act: () => { forget(); bringBack(ids, taken); },
    over: forget,
  });
  line.style.setProperty("--shown", `${remaining}ms`);
}

async function bringBack(ids, taken) {
  const { moved, failed } = await send("/api/v1/trash/restore", ids);
  if (failed) toast("It could not be undone. The photos are in the trash.");
  if (!moved.length) return;
  const days = taken.map(({ element }) => element).filter((element) => element.matches(".day"));
  const isHere = ({ place }) => place.isConnected || days.some((day) => day.contains(place));
  const here = taken.length > 0 && taken.every(isHere);
  if (failed || !here) return location.reload();
  for (const { element, place } of taken.reverse()) place.replaceWith(element);
  toast(`${photos(moved.length)} restored`);
  htmx.trigger(document.body, "scry:changed");
}

// Takes tiles, and days that become empty, out of the page; comments keep their places.
function takeOutTiles(ids) {
  const wanted = new Set(ids);
  const tiles = [...document.querySelectorAll(".tile[data-id]")].filter((tile) => wanted.has(tile.dataset.id));
  const next = focusAfter(tiles);
  const taken = [];
  const takeOut = (element) => {
    const place = document.createComment("");
    element.replaceWith(place);
    taken.push({ element, place });
  };
  for (const tile of tiles) {
    const box = tile.querySelector(".check input");
    if (box) box.checked = false;
    const day = tile.closest(".day");
    takeOut(tile);
    if (day && !day.querySelector(".tile")) takeOut(day);
  }
  next?.focus({ preventScroll: true });
  return taken;
}

// The focus goes on to the next photo that stays, or to the one before.
function focusAfter(tiles) {
  const active = document.activeElement?.closest(".tile");
  if (!active || !tiles.includes(active)) return null;
  const all = [...document.querySelectorAll("[data-grid] .tile")];
  const stays = (tile) => !tiles.includes(tile);
  const at = all.indexOf(active);
  const next = all.slice(at).find(stays) ?? all.slice(0, at).findLast(stays);
  return next?.querySelector(".open");
}

// A photo that was deleted from its own page leaves that page; the offer comes along.
function offerAgain() {
  const left = JSON.parse(sessionStorage.getItem(LEFT_BEHIND) ?? "null");
  if (!left) return;
  const remaining = left.until - Date.now();
  if (remaining > 1000 && document.querySelector("[data-grid]")) offerUndo(left.ids, [], remaining);
  else sessionStorage.removeItem(LEFT_BEHIND);
}

export function attachUndo() {
  offerAgain();
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "z" || !(event.ctrlKey || event.metaKey) || event.shiftKey) return;
    if (event.target.matches?.("input:not([type=checkbox]), textarea, select, [contenteditable]")) return;
    const undo = [...document.querySelectorAll(".toast button")].at(-1);
    if (!undo) return;
    event.preventDefault();
    undo.click();
  });
}
