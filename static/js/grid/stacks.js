// Tiles with more photos folded under them: stacks in the grid, look-alikes in results.
// A closed stack is selected as a whole. Opened, its photos follow the cover one by one.
import { request } from "../page/api.js";
import { gettext, ngettext } from "../page/language.js";
import { announce, toast } from "../page/notices.js";
import { reloadGrid } from "../trash/deletion.js";
import { removeTile } from "./grid.js";

const closedIds = new WeakMap(); // opened tile -> the value of its data-stack-ids when closed

export const idsOf = (tile) => tile.dataset.stackIds?.split(" ") ?? [tile.dataset.id];
export const canOpen = (tile) => Boolean(tile?.querySelector('.fold:not([aria-expanded="true"])'));
const boxOf = (tile) => tile.querySelector(".check input");
const membersOf = (tile) => [...tile.parentElement.querySelectorAll(`:scope > [data-of="${tile.dataset.id}"]`)];

document.addEventListener("click", (event) => {
  const fold = event.target.closest(".tile .fold");
  if (!fold || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const tile = fold.closest(".tile");
  if (canOpen(tile)) openTile(tile);
  else closeTile(tile);
});

// --- opening in place ---

// Puts what is folded under a tile after it, and resolves to the new tiles.
export async function openTile(tile) {
  const fold = tile.querySelector(".fold");
  if (fold.getAttribute("aria-busy")) return [];
  fold.setAttribute("aria-busy", "true");
  const tiles = await fetchTiles(fold.getAttribute("href"));
  fold.removeAttribute("aria-busy");
  if (!tiles?.length) {
    toast(tiles ? gettext("These photos no longer exist.") : gettext("The photos could not be loaded. Try again."));
    return [];
  }
  for (const member of tiles) boxOf(member).checked = boxOf(tile).checked;
  tile.after(...tiles);
  tiles.at(-1).classList.add("last");
  closedIds.set(tile, tile.dataset.stackIds);
  delete tile.dataset.stackIds;
  markOpen(tile, true);
  announce(ngettext("%(count)s photo shown after this one", "%(count)s photos shown after this one", tiles.length));
  document.dispatchEvent(new CustomEvent("scry:tiles", { detail: tile.parentElement }));
  return tiles;
}

function closeTile(tile) {
  const members = membersOf(tile);
  if (members.some((member) => member.contains(document.activeElement))) tile.querySelector(".fold").focus();
  boxOf(tile).checked &&= members.every((member) => boxOf(member).checked);
  for (const member of members) member.remove();
  if (closedIds.get(tile)) tile.dataset.stackIds = closedIds.get(tile);
  markOpen(tile, false);
  announce(gettext("Closed"));
}

function markOpen(tile, isOpen) {
  const fold = tile.querySelector(".fold");
  tile.classList.toggle("opened", isOpen);
  fold.setAttribute("aria-expanded", String(isOpen));
  const values = { photos: fold.dataset.many };
  const name = isOpen ? gettext("%(photos)s, close", values) : gettext("%(photos)s, open", values);
  fold.querySelector(".fold-name").textContent = name;
  const [count, use] = [fold.querySelector(".fold-count"), fold.querySelector("use")];
  count.textContent = (isOpen ? "" : "+") + count.textContent.replace("+", "");
  use.setAttribute("href", use.getAttribute("href").replace(/#.*/, isOpen ? "#close" : "#stack"));
  boxOf(tile).dispatchEvent(new Event("change", { bubbles: true }));
}

async function fetchTiles(address) {
  const answer = await fetch(address, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (answer?.status === 404) return [];
  if (!answer?.ok) return null;
  const part = document.createElement("template");
  part.innerHTML = await answer.text();
  return [...part.content.querySelectorAll(".tile")];
}

// --- stacking and unstacking ---

// Stacks photos under the first one, and resolves to whether it was done.
export async function stackPhotos(ids) {
  const { ok, status, said: made, why } = await request("POST", "/api/v1/stacks", { ids });
  if (!ok) {
    toast(status === 400 ? why : gettext("The photos could not be stacked. Try again."));
    return false;
  }
  await foldTiles(made);
  const text = ngettext("%(count)s photo stacked", "%(count)s photos stacked", made.photos.length);
  toast(text, { label: gettext("Undo"), act: () => unstack(made.id) });
  return true;
}

// The grid replaces the cover by the stack and removes the rest. Other pages keep all tiles.
async function foldTiles(made) {
  const list = document.querySelector("[data-folds]");
  const cover = list?.querySelector(`.tile[data-id="${made.cover}"]`);
  if (!cover) return;
  const tile = await closedTile(made.id);
  if (!tile) return;
  for (const id of made.photos) {
    const gone = list.querySelector(`.tile[data-id="${id}"]`);
    if (gone && gone !== cover) takeOut(gone);
  }
  cover.replaceWith(tile);
  document.dispatchEvent(new CustomEvent("scry:tiles", { detail: tile.parentElement }));
}

function takeOut(tile) {
  for (const member of membersOf(tile)) delete member.dataset.of;
  removeTile(tile);
}

export async function unstackTiles(tiles) {
  const ids = new Set(tiles.map((tile) => tile.dataset.stack).filter(Boolean));
  for (const id of ids) await unstack(id);
}

async function unstack(id) {
  const tile = document.querySelector(`.tile[data-stack="${id}"]`);
  if (tile && canOpen(tile)) await openTile(tile);
  const { ok, status } = await request("DELETE", `/api/v1/stacks/${id}`);
  if (!ok && status !== 404) return toast(gettext("The stack could not be taken apart. Try again."));
  toast(gettext("Unstacked"));
  if (!tile) return;
  for (const member of membersOf(tile)) {
    delete member.dataset.of;
    member.classList.remove("last");
  }
  tile.classList.remove("opened");
  tile.querySelector(".fold").remove();
  delete tile.dataset.stack;
}

// --- when a cover is deleted or restored ---

// The cover of a stack may be deleted and restored; the stack keeps exactly one tile.
new MutationObserver((records) => {
  const closed = (node) => node.dataset?.stackIds;
  for (const record of records) {
    for (const tile of record.removedNodes) if (closed(tile) && !tile.isConnected) addNewCover(tile, record);
    for (const tile of record.addedNodes) if (closed(tile) && tile.isConnected) mergeTiles(tile);
  }
}).observe(document.getElementById("main"), { childList: true, subtree: true });

async function addNewCover(gone, { target, nextSibling }) {
  const tile = await closedTile(gone.dataset.stack);
  if (!tile || document.querySelector(`[data-folds] .tile[data-id="${tile.dataset.id}"]`)) return;
  // The day was removed too. A reload brings it back and still offers undo.
  if (!target.isConnected) return reloadGrid();
  target.insertBefore(tile, nextSibling?.parentNode === target ? nextSibling : null);
  document.dispatchEvent(new CustomEvent("scry:tiles", { detail: target }));
}

async function mergeTiles(back) {
  const same = [...document.querySelectorAll(`[data-folds] .tile[data-stack="${back.dataset.stack}"]`)];
  if (same.length < 2) return;
  const tile = await closedTile(back.dataset.stack);
  if (!tile) return;
  same[0].before(tile);
  for (const duplicate of same) duplicate.remove();
}

async function closedTile(stack) {
  return ((await fetchTiles(`/stacks/${stack}?closed=1`)) ?? [])[0];
}
