// The entry point. This runs on every page; attachGrid also runs on everything that htmx loads.
import { attachPasskeys } from "./account/passkeys.js";
import { attachCopying } from "./actions/copying.js";
import { attachKeys } from "./actions/keys.js";
import { attachSelectionBar } from "./actions/selection_bar.js";
import { attachGrid } from "./grid/grid.js";
import { attachPlace } from "./grid/place.js";
import { attachSelection } from "./grid/selection.js";
import { attachTouch } from "./grid/touch.js";
import { attachAlbums } from "./marks/albums.js";
import { attachDates } from "./marks/dates.js";
import { attachDetails } from "./marks/details.js";
import { attachEdit } from "./marks/edit.js";
import { attachFavourites } from "./marks/favourites.js";
import { attachRatings } from "./marks/ratings.js";
import { signedOut } from "./page/api.js";
import { attachRecent } from "./page/recent.js";
import { attachSearchBar } from "./search/bar.js";
import { attachRefinement } from "./search/refinement.js";
import { attachResults } from "./search/results.js";
import { attachModelUpload } from "./settings/model.js";
import { attachUndo } from "./trash/deletion.js";
import { attachCut } from "./understanding/cut.js";
import { attachMatrix } from "./understanding/matrix.js";
import { attachUploads } from "./upload/uploads.js";
import { attachLightbox, openAddressed } from "./viewer/lightbox.js";
import { attachVeils } from "./viewer/veils.js";

document.documentElement.classList.add("js");

attachSearchBar();
attachUploads();
// A click on a photo selects it before it can open the lightbox.
attachSelection();
attachTouch();
attachSelectionBar();
attachDetails();
attachRatings();
attachAlbums();
attachDates();
attachEdit();
attachFavourites();
attachVeils();
attachLightbox();
attachKeys();
attachCopying();
attachUndo();
attachModelUpload();
attachMatrix();
attachResults();
attachRefinement();
attachCut();
attachPasskeys();
attachRecent();
attachGrid(document.body);
attachPlace();
openAddressed();
document.body.addEventListener("htmx:load", (event) => attachGrid(event.detail.elt));

// An answer with "Retry-After" is requested again then, so that no gap stays on the page.
document.body.addEventListener("htmx:responseError", (event) => {
  const seconds = Number(event.detail.xhr.getResponseHeader("Retry-After"));
  if (seconds > 0) setTimeout(() => htmx.trigger(event.detail.elt, "intersect"), seconds * 1000);
  if (event.detail.xhr.status === 401 || event.detail.xhr.status === 403) signedOut();
});

// Back shows the page as it was. Meanwhile somebody may have signed out, or in as somebody else.
addEventListener("pageshow", async (event) => {
  if (!event.persisted) return;
  const answer = await fetch("/api/v1/session").catch(() => null);
  const session = answer?.ok ? await answer.json() : null;
  if (answer && String(session?.user) !== document.body.dataset.user) signedOut();
});

// A part of a page is asked for, and the sign-in page comes instead.
document.body.addEventListener("htmx:beforeSwap", (event) => {
  if (!event.detail.xhr.responseURL || new URL(event.detail.xhr.responseURL).pathname !== "/sign-in") return;
  event.detail.shouldSwap = false;
  signedOut();
});

const menu = document.querySelector(".menu");
document.addEventListener("click", (event) => {
  if (menu && !menu.contains(event.target)) menu.open = false;
  const action = event.target.closest("[data-action]")?.dataset.action;
  if (action === "help") document.getElementById("help").showModal();
  if (action === "dismiss") dismiss(event.target.closest("[data-banner]"));
});

function dismiss(banner) {
  localStorage.setItem("scry-banner", banner.dataset.banner);
  banner.remove();
}
const banner = document.querySelector("[data-banner]");
if (banner && localStorage.getItem("scry-banner") === banner.dataset.banner) banner.remove();
