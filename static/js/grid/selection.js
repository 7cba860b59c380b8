// Which photos are selected: check circles, and ranges with Shift. Each change is announced by the
// event "scry:selection"; actions/selection_bar.js shows what can be done.
import { idsOf } from "./stacks.js";

let last = null;

export const boxes = () => [...document.querySelectorAll("[data-grid] .tile .check input")];
const tileOf = (element) => element?.closest(".tile");

export const selectedTiles = () =>
  boxes()
    .filter((box) => box.checked)
    .map(tileOf);
export const selectedIds = () => selectedTiles().flatMap(idsOf);

export function attachSelection() {
  document.addEventListener("click", onClick);
  document.addEventListener("change", (event) => {
    if (event.target.matches(".tile .check input")) tellSelection();
  });
  document.addEventListener("scry:marked", clearSelection);
}

function onClick(event) {
  const day = event.target.closest("[data-select-day]")?.closest(".day");
  if (day) return selectBoxes([...day.querySelectorAll(".tile .check input")]);
  const tile = tileOf(event.target);
  if (!tile) return;
  const box = tile.querySelector(".check input");
  if (event.target === box) {
    if (event.shiftKey) selectRange(box, box.checked);
    last = box;
    return tellSelection();
  }
  // While photos are selected, a click on a picture selects it instead of opening it.
  const opens = event.target.closest(".open") && !event.metaKey && !event.ctrlKey;
  if (opens && (event.shiftKey || selectedIds().length)) {
    event.preventDefault();
    event.stopImmediatePropagation();
    toggleTile(tile, event.shiftKey);
  }
}

export function toggleTile(tile, withRange = false) {
  const box = tile?.querySelector(".check input");
  if (!box) return;
  box.checked = withRange || !box.checked;
  if (withRange) selectRange(box, true);
  last = box;
  tellSelection();
}

function selectRange(box, checked) {
  const all = boxes();
  const [from, to] = [all.indexOf(last ?? box), all.indexOf(box)].sort((a, b) => a - b);
  for (const between of all.slice(Math.max(from, 0), to + 1)) between.checked = checked;
}

// Selects these photos, or none of them if all are selected already.
function selectBoxes(some) {
  const checked = !some.every((box) => box.checked);
  for (const box of some) box.checked = checked;
  tellSelection();
}

// Returns whether there is anything to select.
export function selectAll() {
  const all = boxes();
  for (const box of all) box.checked = true;
  if (all.length) tellSelection();
  return all.length > 0;
}

// Returns whether anything was selected.
export function clearSelection() {
  const any = selectedIds().length > 0;
  for (const box of boxes()) box.checked = false;
  last = null;
  tellSelection();
  return any;
}

export function tellSelection() {
  document.body.classList.toggle("selecting", selectedIds().length > 0);
  document.dispatchEvent(new CustomEvent("scry:selection"));
}
