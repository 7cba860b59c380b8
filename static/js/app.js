// The entry point: what is here runs on every page, and again on every part that htmx brings.
import { attachGrid } from "./grid.js";
import { attachSelection } from "./selection.js";
import { attachLightbox } from "./lightbox.js";
import { attachSearchBar } from "./search.js";
import { attachUploads } from "./upload.js";
import { attachKeys } from "./keys.js";
import { attachUndo } from "./delete.js";
import { attachResults } from "./results.js";
import { attachRefine } from "./refine.js";

document.documentElement.classList.add("js");

attachSearchBar();
attachUploads();
attachSelection();
attachLightbox();
attachKeys();
attachUndo();
attachResults();
attachRefine();
attachGrid(document.body);
document.body.addEventListener("htmx:load", (event) => attachGrid(event.detail.elt));

// An answer that says when to come back is asked for again then, instead of leaving a hole.
document.body.addEventListener("htmx:responseError", (event) => {
  const seconds = Number(event.detail.xhr.getResponseHeader("Retry-After"));
  if (seconds > 0) setTimeout(() => htmx.trigger(event.detail.elt, "intersect"), seconds * 1000);
  if (event.detail.xhr.status === 401 || event.detail.xhr.status === 403) location.reload();
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
