// Favourites: the heart on tiles, in the details, on the selection bar and in the lightbox.
import { tilesOf } from "../grid/grid.js";
import { sendIds } from "../page/api.js";
import { icon } from "../page/icon.js";
import { gettext, ngettext } from "../page/language.js";
import { announce, toast } from "../page/notices.js";

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

// Marks all as favourites, or unmarks them when all are favourites already.
export async function toggleFavourites(ids) {
  if (!ids.length) return;
  const on = !areFavourites(ids);
  const { changed, problem } = await sendIds(on ? "POST" : "DELETE", "/api/v1/favourites", ids);
  if (problem) return toast(problem);
  for (const id of ids) showFavourite(id, on);
  // The heart of a single photo is feedback enough for whoever sees it.
  const say = ids.length === 1 ? announce : toast;
  say(
    on
      ? ngettext("%(count)s photo added to favourites", "%(count)s photos added to favourites", changed)
      : ngettext("%(count)s photo removed from favourites", "%(count)s photos removed from favourites", changed),
  );
  document.dispatchEvent(new CustomEvent("scry:marked"));
}

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
