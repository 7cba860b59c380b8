// Star ratings: the keys 1 to 5 rate the open, selected or focused photos, and 0 removes the rating.
import { selectedIds } from "../grid/selection.js";
import { isTyping } from "../page/fields.js";
import { gettext, ngettext } from "../page/language.js";
import { announce, toast } from "../page/notices.js";
import { photoOfAddress } from "../viewer/address.js";
import { changeMarks, tellChange } from "./changes.js";
import { marksOf } from "./favourites.js";

export function attachRatings() {
  document.addEventListener("keydown", onKey);
  document.addEventListener("scry:marks", ({ detail: changes }) => {
    for (const { ids, rating } of changes) if (rating != null) for (const id of ids) showStars(id, rating);
  });
}

function onKey(event) {
  if (!/^[0-5]$/.test(event.key) || event.defaultPrevented) return;
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (document.querySelector("dialog[open]") || isTyping(event)) return;
  const ids = currentIds();
  if (!ids.length) return;
  event.preventDefault();
  rate(ids, Number(event.key));
}

const openId = () => document.querySelector(".pswp") && photoOfAddress();

function currentIds() {
  if (openId()) return [openId()];
  if (selectedIds().length) return selectedIds();
  const tile = document.activeElement?.closest("[data-grid] .tile");
  const id = tile?.dataset.id ?? document.querySelector(".photo-page")?.dataset.photo;
  return id ? [id] : [];
}

const starsText = (stars) => ngettext("%(count)s star", "%(count)s stars", stars);

async function rate(ids, stars) {
  const result = await changeMarks(ids, { rating: stars });
  if (result.problem) return toast(result.problem);
  if (ids.length > 1) tellChange(manyRated(result.changed, stars), result);
  // The stars of a single photo are feedback enough where its details are open.
  else if (marksOf(ids[0]).length) announce(oneRated(stars));
  else toast(oneRated(stars));
  document.dispatchEvent(new CustomEvent("scry:marked"));
}

function oneRated(stars) {
  return stars ? gettext("Rated %(stars)s", { stars: starsText(stars) }) : gettext("Rating removed");
}

function manyRated(count, stars) {
  if (!stars) return ngettext("Rating removed from %(count)s photo", "Rating removed from %(count)s photos", count);
  const values = { stars: starsText(stars) };
  return ngettext("%(count)s photo rated %(stars)s", "%(count)s photos rated %(stars)s", count, values);
}

function showStars(id, stars) {
  for (const marks of marksOf(id)) {
    for (const button of marks.querySelectorAll("[data-star]")) {
      const star = Number(button.dataset.star);
      const name = starsText(star);
      button.classList.toggle("on", star <= stars);
      button.value = star === stars ? 0 : star;
      button.setAttribute("aria-pressed", star === stars);
      button.ariaLabel = star === stars ? gettext("%(stars)s, current rating; press to remove", { stars: name }) : name;
    }
  }
}
