// Favourites: the heart on tiles, in the details, on the selection bar and in the lightbox.
import { tilesOf } from "../grid/grid.js";
import { icon } from "../page/icon.js";
import { gettext, ngettext } from "../page/language.js";
import { announce, toast } from "../page/notices.js";
import { changeMarks, tellChange } from "./changes.js";

// The marks in the details of a photo, as often as they are on the page.
export const marksOf = (id) => document.querySelectorAll(`.marks[data-photo="${id}"]`);

function isFavourite(id) {
  const marks = marksOf(id)[0];
  if (marks) return marks.dataset.favourite === "1";
  return [...tilesOf(id)].some((tile) => tile.querySelector(".loved"));
}

// Whether all of these that are on the page are favourites. Photos hidden in a stack do not count.
export function areFavourites(ids) {
  const present = ids.filter((id) => marksOf(id).length || tilesOf(id).length);
  return present.length > 0 && present.every(isFavourite);
}

export function attachFavourites() {
  document.addEventListener("scry:marks", ({ detail: changes }) => {
    for (const { ids, favourite } of changes) if (favourite != null) for (const id of ids) showFavourite(id, favourite);
  });
}

// Marks all as favourites, or unmarks them when all are favourites already.
export async function toggleFavourites(ids) {
  if (!ids.length) return;
  const on = !areFavourites(ids);
  const result = await changeMarks(ids, { favourite: on });
  if (result.problem) return toast(result.problem);
  // The heart of a single photo is feedback enough for whoever sees it.
  if (ids.length === 1) announce(favouriteText(on, result.changed));
  else tellChange(favouriteText(on, result.changed), result);
  document.dispatchEvent(new CustomEvent("scry:marked"));
}

const favouriteText = (on, count) =>
  on
    ? ngettext("%(count)s photo added to favourites", "%(count)s photos added to favourites", count)
    : ngettext("%(count)s photo removed from favourites", "%(count)s photos removed from favourites", count);

export function showFavourite(id, on) {
  for (const tile of tilesOf(id)) {
    const heart = tile.querySelector(".loved");
    if (on && !heart) tile.append(makeHeart());
    if (!on) heart?.remove();
  }
  for (const marks of marksOf(id)) {
    marks.dataset.favourite = on ? "1" : "0";
    marks.querySelector('[data-mark="favourite"]').setAttribute("aria-pressed", on);
    marks.querySelector('[name="favourite"]').value = on ? "0" : "1";
  }
  document.dispatchEvent(new CustomEvent("scry:favourite"));
}

function makeHeart() {
  const heart = document.createElement("span");
  heart.className = "loved";
  const word = document.createElement("span");
  word.className = "visually-hidden";
  word.textContent = gettext("Favourite");
  heart.append(icon("heart"), word);
  return heart;
}
