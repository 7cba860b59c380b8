// Moves photos to the trash and back. It never asks, because undo is offered.
import { request } from "../page/api.js";
import { isTyping } from "../page/fields.js";
import { gettext, ngettext } from "../page/language.js";
import { toast } from "../page/notices.js";
import { photoOfAddress } from "../viewer/address.js";

const UNDO_MS = 12000; // as long as its toast is shown, see .toast in layout.css
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

// Moves photos to the trash, offers undo, and resolves to the ids that left this page.
export async function moveToTrash(ids) {
  if (!ids.length) return [];
  const { moved, failed } = await send("/api/v1/photos/trash", ids);
  // What another tab moved already is gone as well.
  const gone = failed ? moved : ids;
  const halved = hasHalfStack(gone);
  const taken = takeOutTiles(gone);
  if (failed) {
    toast(
      ngettext(
        "%(count)s photo could not be moved to the trash. Try again.",
        "%(count)s photos could not be moved to the trash. Try again.",
        ids.length - moved.length,
      ),
    );
  }
  if (moved.length) offerUndo(moved, taken);
  else if (!failed) toast(gettext("Already in the trash"));
  if (halved) reloadGrid();
  htmx.trigger(document.body, "scry:changed");
  return gone;
}

// When only the cover of a stack is gone, the gallery picks another cover.
function hasHalfStack(ids) {
  const gone = new Set(ids);
  return [...document.querySelectorAll(".tile[data-stack-ids]")].some(
    ({ dataset }) => gone.has(dataset.id) && dataset.stackIds.split(" ").some((id) => !gone.has(id)),
  );
}

// A reload shows the viewer again, so this waits until it is closed and its address is gone.
export function reloadGrid() {
  if (document.querySelector(".pswp") || photoOfAddress()) setTimeout(reloadGrid, 200);
  else location.reload();
}

function offerUndo(ids, taken, remaining = UNDO_MS) {
  sessionStorage.setItem(LEFT_BEHIND, JSON.stringify({ ids, until: Date.now() + remaining }));
  const forget = () => sessionStorage.removeItem(LEFT_BEHIND);
  const text = ngettext("%(count)s photo moved to the trash", "%(count)s photos moved to the trash", ids.length);
  const line = toast(text, {
    label: gettext("Undo"),
    act: () => {
      forget();
      bringBack(ids, taken);
    },
    over: forget,
  });
  line.style.setProperty("--shown", `${remaining}ms`);
}

async function bringBack(ids, taken) {
  const { moved, failed } = await send("/api/v1/trash/restore", ids);
  if (failed) toast(gettext("Undo failed. The photos are still in the trash."));
  if (!moved.length) return;
  const days = taken.map(({ element }) => element).filter((element) => element.matches(".day"));
  const isHere = ({ place }) => place.isConnected || days.some((day) => day.contains(place));
  const here = taken.length > 0 && taken.every(isHere);
  if (failed || !here) return location.reload();
  for (const { element, place } of taken.reverse()) place.replaceWith(element);
  toast(ngettext("%(count)s photo restored", "%(count)s photos restored", moved.length));
  htmx.trigger(document.body, "scry:changed");
}

// Removes tiles and empty days. Comments mark their places, so that undo can put them back.
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

// The focus moves to the next photo that stays, or else to the one before.
function focusAfter(tiles) {
  const active = document.activeElement?.closest(".tile");
  if (!active || !tiles.includes(active)) return null;
  const all = [...document.querySelectorAll("[data-grid] .tile")];
  const stays = (tile) => !tiles.includes(tile);
  const at = all.indexOf(active);
  const next = all.slice(at).find(stays) ?? all.slice(0, at).findLast(stays);
  return next?.querySelector(".open");
}

// Deleting from the page of a photo leads to the grid, which then offers the undo.
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
    if (isTyping(event)) return;
    const undo = [...document.querySelectorAll(".toast button")].at(-1);
    if (!undo) return;
    event.preventDefault();
    undo.click();
  });
}
