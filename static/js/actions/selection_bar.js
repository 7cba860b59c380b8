// The bar that appears while photos are selected, and what its buttons do.
import { clearSelection, selectedIds, selectedTiles, tellSelection } from "../grid/selection.js";
import { stackPhotos, unstackTiles } from "../grid/stacks.js";
import { askForAlbum, takeOutOfAlbum } from "../marks/albums.js";
import { askForDate } from "../marks/dates.js";
import { areFavourites, toggleFavourites } from "../marks/favourites.js";
import { gettext, ngettext } from "../page/language.js";
import { announce } from "../page/notices.js";
import { moveToTrash } from "../trash/deletion.js";

const bar = document.getElementById("selection");

export function attachSelectionBar() {
  bar?.addEventListener("click", (event) => act(event.target.closest("[data-select]")?.dataset.select));
  if (bar) document.addEventListener("scry:selection", draw);
}

const button = (action) => bar.querySelector(`[data-select="${action}"]`);

function draw() {
  const tiles = selectedTiles();
  const ids = selectedIds();
  bar.hidden = ids.length === 0;
  if (bar.hidden) return;
  const closed = tiles.filter((tile) => tile.dataset.stackIds).length;
  const label = bar.querySelector(".selection-count");
  label.textContent = countText(ids.length, closed);
  label.dataset.short = ids.length;
  button("similar").hidden = ids.length !== 1;
  button("stack").hidden = ids.length < 2 || (tiles.length === 1 && closed === 1);
  button("unstack").hidden = !tiles.some((tile) => tile.dataset.stack);
  drawHeart(areFavourites(ids));
}

function countText(count, stacks) {
  const selected = ngettext("%(count)s selected", "%(count)s selected", count);
  return stacks ? `${selected} (${ngettext("%(count)s stack", "%(count)s stacks", stacks)})` : selected;
}

function drawHeart(pressed) {
  button("favourite").setAttribute("aria-pressed", pressed);
  button("favourite").title = pressed ? gettext("Remove from favourites (f)") : gettext("Favourite (f)");
}

export async function act(action) {
  const ids = selectedIds();
  if (action === "clear") clearSelection();
  if (action === "similar" && ids.length) location.href = `/photos/${ids[0]}/similar`;
  if (action === "download") await download(ids);
  if (action === "favourite") await toggleFavourites(ids);
  if (action === "album") await askForAlbum(ids);
  if (action === "date") askForDate(ids);
  if (action === "take-out") {
    await takeOutOfAlbum(bar.dataset.album, ids);
    tellSelection();
  }
  if (action === "stack" && (await stackPhotos(ids))) clearSelection();
  if (action === "unstack") {
    await unstackTiles(selectedTiles());
    clearSelection();
  }
  if (action === "delete") {
    await moveToTrash(ids);
    tellSelection();
  }
}

// Browsers drop downloads that start at the same moment, so they start one after the other.
async function download(ids) {
  for (const id of ids) {
    const link = document.createElement("a");
    link.href = `/photos/${id}/original`;
    link.download = "";
    link.click();
    await new Promise((resolve) => setTimeout(resolve, 350));
  }
  announce(ngettext("%(count)s download started", "%(count)s downloads started", ids.length));
}
