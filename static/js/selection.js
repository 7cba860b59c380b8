// Selecting photos: check circles, ranges with Shift, and the bar with what can be done to them.
import { moveToTrash } from "./delete.js";
import { areFavourites, askForAlbum, attachMarks, takeOut, toggleFavourites } from "./marks.js";
import { announce, confirmed } from "./page.js";
import { countSelected, idsOf, stackSelected, unstackSelected } from "./stacks.js";

const bar = document.getElementById("selection");
let last = null;

const boxes = () => [...document.querySelectorAll("[data-grid] .tile .check input")];
const tileOf = (element) => element?.closest(".tile");
const chosen = () => boxes().filter((box) => box.checked).map(tileOf);
export const selected = () => chosen().flatMap(idsOf);

export function attachSelection() {
  document.addEventListener("click", onClick);
  document.addEventListener("change", (event) => {
    if (event.target.matches(".tile .check input")) show();
  });
  bar?.addEventListener("click", (event) => act(event.target.closest("[data-select]")?.dataset.select));
  document.addEventListener("click", onConfirm, true);
  document.addEventListener("scry:marked", clear);
  attachMarks();
}

function onClick(event) {
  const tile = tileOf(event.target);
  if (!tile) return;
  const box = tile.querySelector(".check input");
  if (event.target === box) {
    if (event.shiftKey) range(box, box.checked);
    last = box;
    return show();
  }
  // While photos are selected, a click on a picture selects too instead of opening it.
  const opens = event.target.closest(".open") && !event.metaKey && !event.ctrlKey;
  if (opens && (event.shiftKey || selected().length)) {
    event.preventDefault();
    event.stopImmediatePropagation();
    toggle(tile, event.shiftKey);
  }
}

export function toggle(tile, withRange = false) {
  const box = tile?.querySelector(".check input");
  if (!box) return;
  box.checked = withRange || !box.checked;
  if (withRange) range(box, true);
  last = box;
  show();
}

function range(box, checked) {
  const all = boxes();
  const [from, to] = [all.indexOf(last ?? box), all.indexOf(box)].sort((a, b) => a - b);
  for (const one of all.slice(Math.max(from, 0), to + 1)) one.checked = checked;
}

export function clear() {
  const any = selected().length > 0;
  for (const box of boxes()) box.checked = false;
  last = null;
  show();
  return any;
}

function show() {
  const count = selected().length;
  bar.hidden = count === 0;
  document.body.classList.toggle("selecting", count > 0);
  if (!count) return;
  const said = bar.querySelector(".selection-count");
  said.textContent = countSelected(bar, chosen());
  said.dataset.short = count;
  bar.querySelector('[data-select="similar"]').hidden = count !== 1;
  const heart = bar.querySelector('[data-select="favourite"]');
  const loved = areFavourites(selected());
  heart.setAttribute("aria-pressed", loved);
  heart.title = loved ? "No favourites any more (f)" : "Favourite (f)";
}

export async function act(what) {
  const ids = selected();
  if (what === "clear") clear();
  if (what === "similar" && ids.length) location.href = `/photos/${ids[0]}/similar`;
  if (what === "download") await download(ids);
  if (what === "favourite") await toggleFavourites(ids);
  if (what === "album") await askForAlbum(ids);
  if (what === "take-out") {
    await takeOut(bar.dataset.album, ids);
    show();
  }
  if (what === "stack" && (await stackSelected(ids))) clear();
  if (what === "unstack") {
    await unstackSelected(chosen());
    clear();
  }
  if (what === "delete") {
    await moveToTrash(ids);
    show();
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
  announce(`${ids.length} downloads started`);
}

// Buttons of plain forms that destroy something ask first.
async function onConfirm(event) {
  const button = event.target.closest("button[data-confirm]");
  if (!button || button.dataset.sure) return;
  event.preventDefault();
  const { confirm: title, confirmText: text, confirmYes: yes } = button.dataset;
  if (!(await confirmed(title, { text, yes }))) return;
  button.dataset.sure = "yes";
  button.form.requestSubmit(button);
}
