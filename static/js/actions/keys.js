// Keyboard shortcuts of every page.
import { moveFocus } from "../grid/grid.js";
import { clearSelection, selectAll, selectedIds, toggleTile } from "../grid/selection.js";
import { idsOf } from "../grid/stacks.js";
import { toggleFavourites } from "../marks/favourites.js";
import { isTyping } from "../page/fields.js";
import { moveToTrash } from "../trash/deletion.js";
import { act } from "./selection_bar.js";

export function attachKeys() {
  document.addEventListener("keydown", onKey);
}

const focused = () => document.activeElement?.closest("[data-grid] .tile");
const photoPage = () => document.querySelector(".photo-page");

function onKey(event) {
  if (event.defaultPrevented || event.altKey) return;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") return toSearch(event);
  // Dialogs and the lightbox have their own keys.
  if (document.querySelector("dialog[open], .pswp")) return;
  if (isTyping(event)) return;
  if (event.ctrlKey || event.metaKey) {
    if (event.key.toLowerCase() === "a" && selectAll()) event.preventDefault();
    return;
  }
  if (run(event)) event.preventDefault();
}

function toSearch(event) {
  event.preventDefault();
  const input = document.getElementById("q");
  input.focus();
  input.select();
}

function run(event) {
  switch (event.key) {
    case "/":
      return toSearch(event) ?? true;
    case "?":
      return document.getElementById("help").showModal() ?? true;
    case "ArrowLeft":
    case "ArrowRight":
      return photoPage() && !focused() ? step(event.key) : moveFocus(event.key);
    case "ArrowUp":
    case "ArrowDown":
    case "Home":
    case "End":
      return focused() ? moveFocus(event.key) : false;
    case " ":
      return focused() && event.target.matches(".open") ? (event.target.click() ?? true) : false;
    case "x":
      return focused() ? (toggleTile(focused()) ?? true) : false;
    case "s":
      return similar();
    case "f":
      return favourite();
    case "k":
      return stack();
    case "o":
      return unfold();
    case "Delete":
      return remove();
    case "Escape":
      return clearSelection() || leavePhoto();
    default:
      return false;
  }
}

function unfold() {
  const fold = focused()?.querySelector(".fold");
  fold?.click();
  return Boolean(fold);
}

function step(key) {
  document.querySelector(key === "ArrowLeft" ? ".step.newer" : ".step.older")?.click();
  return true;
}

function leavePhoto() {
  const back = document.querySelector(".photo-page .back");
  back?.click();
  return Boolean(back);
}

function similar() {
  const id = focused()?.dataset.id ?? selectedIds()[0] ?? photoPage()?.dataset.photo;
  if (id) location.href = `/photos/${id}/similar`;
  return Boolean(id);
}

function favourite() {
  const id = focused()?.dataset.id ?? photoPage()?.dataset.photo;
  const ids = selectedIds().length || !id ? selectedIds() : [id];
  toggleFavourites(ids);
  return ids.length > 0;
}

function stack() {
  const any = selectedIds().length > 0;
  if (any) act("stack");
  return any;
}

function remove() {
  if (selectedIds().length) act("delete");
  else if (focused()) moveToTrash(idsOf(focused()));
  else if (photoPage()) moveToTrash([photoPage().dataset.photo]).then((gone) => gone.length && location.assign("/"));
  else return false;
  return true;
}
