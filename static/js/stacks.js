// Tiles that stand for more photos than their own: stacks in the grid, look-alikes in results.
// A closed stack is selected as a whole; opened, its photos follow the cover one by one.
import { removeTile } from "./grid.js";
import { announce, photos, request, toast } from "./page.js";

const folded = new WeakMap(); // opened tile -> the ids that it stood for when closed

export const idsOf = (tile) => tile.dataset.stackIds?.split(" ") ?? [tile.dataset.id];
export const canOpen = (tile) => Boolean(tile?.querySelector('.fold:not([aria-expanded="true"])'));
const boxOf = (tile) => tile.querySelector(".check input");
const membersOf = (tile) => [...tile.parentElement.querySelectorAll(`:scope > [data-of="${tile.dataset.id}"]`)];

document.addEventListener("click", (event) => {
  const fold = event.target.closest(".tile .fold");
  if (!fold || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const tile = fold.closest(".tile");
  if (canOpen(tile)) open(tile);
  else close(tile);
});

// --- opening in place ---------------------------------------------------------------------------

// Puts what is folded under a tile right after it, and resolves to the new tiles.
export async function open(tile) {
  const fold = tile.querySelector(".fold");
  if (fold.getAttribute("aria-busy")) return [];
  fold.setAttribute("aria-busy", "true");
  const tiles = await fetchTiles(fold.getAttribute("href"));
  fold.removeAttribute("aria-busy");
  if (!tiles?.length) {
    toast(tiles ? "These photos are not here any more." : "The photos could not be fetched. Try again.");
    return [];
  }
  for (const one of tiles) boxOf(one).checked = boxOf(tile).checked;
  tile.after(...tiles);
  tiles.at(-1).classList.add("last");
  folded.set(tile, tile.dataset.stackIds);
  delete tile.dataset.stackIds;
  mark(tile, true);
  announce(`${photos(tiles.length)} shown after this one`);
  document.dispatchEvent(new CustomEvent("scry:tiles", { detail: tile.parentElement }));
  return tiles;
}

function close(tile) {
  const members = membersOf(tile);
  if (members.some((one) => one.contains(document.activeElement))) tile.querySelector(".fold").focus();
  boxOf(tile).checked &&= members.every((one) => boxOf(one).checked);
  for (const one of members) one.remove();
  if (folded.get(tile)) tile.dataset.stackIds = folded.get(tile);
  mark(tile, false);
  announce("Folded");
}

function mark(tile, isOpen) {
  const fold = tile.querySelector(".fold");
  tile.classList.toggle("opened", isOpen);
  fold.setAttribute("aria-expanded", String(isOpen));
  fold.setAttribute("aria-label", `${fold.dataset.many}, ${isOpen ? "close" : "open"}`);
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

// --- the selection bar --------------------------------------------------------------------------

// Says how many photos are selected, and which of the two buttons make sense for them.
export function countSelected(bar, tiles) {
  const count = tiles.flatMap(idsOf).length;
  const stacks = new Set(tiles.map((tile) => tile.dataset.stack).filter(Boolean)).size;
  const closed = tiles.filter((tile) => tile.dataset.stackIds).length;
  bar.querySelector('[data-select="stack"]').hidden = count < 2 || (tiles.length === 1 && closed === 1);
  bar.querySelector('[data-select="unstack"]').hidden = !stacks;
  return `${count} selected${closed ? ` (${closed} stack${closed === 1 ? "" : "s"})` : ""}`;
}

// Stacks photos under the first of them, and resolves to whether it was done.
export async function stackSelected(ids) {
  const { ok, status, said: made, why } = await request("POST", "/api/v1/stacks", { ids });
  if (!ok) {
    toast(status === 400 ? why : "The photos could not be stacked. Try again.");
    return false;
  }
  await foldTiles(made);
  toast(`${photos(made.photos.length)} stacked`, { label: "Undo", act: () => unstack(made.id) });
  return true;
}

// In the grid the others go, and the cover becomes the stack; other pages show all as before.
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
  for (const one of membersOf(tile)) delete one.dataset.of;
  removeTile(tile);
}

export async function unstackSelected(tiles) {
  const ids = new Set(tiles.map((tile) => tile.dataset.stack).filter(Boolean));
  for (const id of ids) await unstack(id);
}

async function unstack(id) {
  const tile = document.querySelector(`.tile[data-stack="${id}"]`);
  if (tile && canOpen(tile)) await open(tile);
  const { ok, status } = await request("DELETE", `/api/v1/stacks/${id}`);
  if (!ok && status !== 404) return toast("The stack could not be taken apart. Try again.");
  toast("Unstacked");
  if (!tile) return;
  for (const one of membersOf(tile)) {
    delete one.dataset.of;
    one.classList.remove("last");
  }
  tile.classList.remove("opened");
  tile.querySelector(".fold").remove();
  delete tile.dataset.stack;
}

// --- when a cover goes --------------------------------------------------------------------------

// A photo that stood for its stack may be deleted, and come back; the stack keeps one tile.
new MutationObserver((records) => {
  const closed = (node) => node.dataset?.stackIds;
  for (const record of records) {
    for (const tile of record.removedNodes) if (closed(tile) && !tile.isConnected) standIn(tile, record);
    for (const tile of record.addedNodes) if (closed(tile) && tile.isConnected) unite(tile);
  }
}).observe(document.getElementById("main"), { childList: true, subtree: true });

async function standIn(gone, { target, nextSibling }) {
  const tile = await closedTile(gone.dataset.stack);
  if (!tile || document.querySelector(`[data-folds] .tile[data-id="${tile.dataset.id}"]`)) return;
  // Its day went with it; the page brings it back, and still offers to undo.
  if (!target.isConnected) return location.reload();
  target.insertBefore(tile, nextSibling?.parentNode === target ? nextSibling : null);
  document.dispatchEvent(new CustomEvent("scry:tiles", { detail: target }));
}

async function unite(back) {
  const same = [...document.querySelectorAll(`[data-folds] .tile[data-stack="${back.dataset.stack}"]`)];
  if (same.length < 2) return;
  const tile = await closedTile(back.dataset.stack);
  if (!tile) return;
  same[0].before(tile);
  for (const one of same) one.remove();
}

async function closedTile(stack) {
  return ((await fetchTiles(`/stacks/${stack}?closed=1`)) ?? [])[0];
}
