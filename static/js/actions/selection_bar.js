// The bar that appears while photos are selected, and what its buttons do.
import { clearSelection, selectedIds, selectedTiles, tellSelection } from "../grid/selection.js";
import { stackPhotos, unstackTiles } from "../grid/stacks.js";
import { askForAlbum, takeOutOfAlbum } from "../marks/albums.js";
import { askForDate } from "../marks/dates.js";
import { askForMarks } from "../marks/edit.js";
import { areFavourites, toggleFavourites } from "../marks/favourites.js";
import { askForKind } from "../marks/sensitive.js";
import { csrf } from "../page/api.js";
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
  if (action === "download") download(ids);
  if (action === "favourite") await toggleFavourites(ids);
  if (action === "album") await askForAlbum(ids);
  if (action === "edit") askForMarks(ids);
  if (action === "date") askForDate(ids);
  if (action === "sensitive") askForKind(ids);
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

// One photo comes as it is, several come as one ZIP.
function download(ids) {
  if (ids.length === 1) {
    const link = document.createElement("a");
    link.href = `/photos/${ids[0]}/original`;
    link.download = "";
    link.click();
  } else {
    const form = document.createElement("form");
    Object.assign(form, { method: "post", action: "/photos/zip", target: "_blank", hidden: true });
    for (const [name, value] of [
      ["csrfmiddlewaretoken", csrf()],
      ["photos", ids.join(",")],
    ]) {
      form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
    }
    document.body.append(form);
    form.submit();
    form.remove();
  }
  announce(ngettext("%(count)s photo is being downloaded", "%(count)s photos are being downloaded", ids.length));
}
