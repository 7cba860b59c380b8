// The lightbox over grid and results. Each photo has an address there and Back closes it. The next
// page of the grid is loaded before its last photo is reached.
import { notePlace, whenPlaced } from "../grid/place.js";
import { canOpen, openTile } from "../grid/stacks.js";
import { areFavourites, toggleFavourites } from "../marks/favourites.js";
import { icon } from "../page/icon.js";
import { gettext, ngettext } from "../page/language.js";
import { announce } from "../page/notices.js";
import { moveToTrash } from "../trash/deletion.js";
import { addressOfPhoto, photoOfAddress } from "./address.js";
import { addFoot } from "./foot.js";
import { loadNeighbours } from "./neighbours.js";
import { drawPart, isDrawing, stopDrawing } from "./part.js";
import { isVeiled, unveil } from "./veils.js";

const PREVIEW_SIDE = 1440;
// Formats that browsers can show. Originals in other formats are never put into a page.
const DRAWN = new Set(["JPEG", "PNG", "WEBP", "GIF", "AVIF"]);
let box = null;
let byHistory = false; // whether it was Back that closed the viewer

export function attachLightbox() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-grid] .tile .open, .photo-page .picture");
    if (!link || link.closest(".drawer") || event.defaultPrevented) return;
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open(link).catch(() => {
      location.href = link.href;
    });
  });
  // Caught before PhotoSwipe, which swallows clicks while a slide moves.
  const uncoverClicked = (event) => {
    const button = event.target.closest("[data-uncover]");
    if (button && box) uncover(button.dataset.uncover);
  };
  document.addEventListener("click", uncoverClicked, true);
  addEventListener("popstate", followHistory);
  document.addEventListener("scry:favourite", drawHeart);
  document.addEventListener("scry:dated", () => drawer() && fillDrawer());
  // PhotoSwipe takes keys only after its opening animation.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && box && !box.opener.isOpen && !isDrawing()) closeLightbox();
  });
}

// Back closes the viewer, and Forward opens it again.
function followHistory() {
  if (photoOfAddress()) return box ? null : openAddressed();
  byHistory = true;
  closeLightbox();
}

// After a reload the list comes to its place first. What it does not show, such as the photo of a copied address
// that lies far down, has a page of its own.
export async function openAddressed() {
  const id = photoOfAddress();
  if (!id) return;
  await whenPlaced();
  if (box || photoOfAddress() !== id) return;
  const link = document.querySelector(`[data-grid] .tile[data-id="${id}"] .open`);
  if (link) await open(link);
  else location.replace(`/photos/${id}`);
}

// The opening animation cannot be interrupted, so closing waits for its end.
function closeLightbox() {
  if (!box) return;
  if (box.opener.isOpen) box.close();
  else box.on("openingAnimationEnd", () => box?.close());
}

function slides(root) {
  return [...root.querySelectorAll(".tile .open")].map(slide);
}

// A tile links to its photo. The picture on the page of a photo links to the original.
function slide(link) {
  const image = link.querySelector("img");
  const width = Number(link.dataset.w ?? image.getAttribute("width"));
  const height = Number(link.dataset.h ?? image.getAttribute("height"));
  const base = link.getAttribute("href").replace(/\/original$/, "");
  const scale = Math.min(1, PREVIEW_SIDE / Math.max(width, height));
  const srcset = [`${base}/preview ${Math.round(width * scale)}w`];
  if (scale < 1 && DRAWN.has(link.dataset.format)) srcset.push(`${base}/original ${width}w`);
  const shown = {
    src: `${base}/preview`,
    srcset: srcset.join(", "),
    msrc: image?.currentSrc || image?.src,
    width,
    height,
    alt: image?.alt || link.dataset.name,
    name: link.dataset.name,
    element: link,
    thumbCropped: true,
    base,
  };
  return isVeiled(link.closest(".tile")) ? covered(shown) : shown;
}

// A sensitive photo is loaded once its cover is touched, never because it is next to another one.
// PhotoSwipe takes such a slide as text.
function covered({ src, srcset, msrc, ...item }) {
  const part = document.createElement("div");
  part.className = "covered";
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button";
  button.dataset.uncover = item.base;
  button.append(icon("hidden"), gettext("Show this sensitive photo"));
  part.append(button);
  return { ...item, html: part.outerHTML };
}

function uncover(base) {
  const items = box.options.dataSource;
  const index = items.findIndex((item) => item.base === base);
  unveil(tileOf(items[index]));
  items[index] = slide(items[index].element);
  box.refreshSlideContent(index);
}

async function open(link) {
  const { default: PhotoSwipe } = await import("../../vendor/photoswipe.esm.min.js");
  const root = link.closest("[data-grid]");
  const items = root ? slides(root) : [slide(link)];
  box = new PhotoSwipe({
    dataSource: items,
    index: Math.max(
      items.findIndex((item) => item.element === link),
      0,
    ),
    // Photos fill the window, but small ones are enlarged 1.5 times at most.
    initialZoomLevel: ({ panAreaSize: area, elementSize: photo }) => Math.min(area.x / photo.x, area.y / photo.y, 1.5),
    getViewportSizeFn: viewport,
    bgOpacity: 1,
    counter: false,
    loop: false,
    wheelToZoom: true,
    preload: [1, 2],
    showHideAnimationType: "zoom",
    showAnimationDuration: 180,
    hideAnimationDuration: 180,
    closeTitle: gettext("Close (Esc)"),
    zoomTitle: gettext("Zoom"),
    arrowPrevTitle: gettext("Previous"),
    arrowNextTitle: gettext("Next"),
    errorMsg: gettext("This picture cannot be shown."),
  });
  addButtons(box);
  addFoot(box, () => totalOf(root));
  followAddress(box);
  box.on("change", () => {
    if (root) loadNeighbours(box, root, slides);
    if (drawer()) fillDrawer();
    drawFold();
    drawHeart();
  });
  box.on("destroy", () => {
    document.querySelector(".drawer")?.remove();
    const last = items[box.currIndex]?.element;
    box = null;
    last?.focus({ preventScroll: false });
  });
  box.init();
  box.element.ariaLabel = gettext("Photo viewer");
}

// How many photos there are at least; 0 for a list that begins somewhere in between.
const totalOf = (root) => Number(root?.dataset.total ?? (root?.querySelector(".more") ? 0 : 1));

// --- one address per photo ---

function followAddress(pswp) {
  const title = document.title;
  byHistory = false;
  pswp.on("change", () => {
    const item = pswp.currSlide.data;
    if (tileOf(item)) writeAddress(currentId());
    document.title = `${item.name} · Scry`;
  });
  pswp.on("close", () => {
    document.title = title;
    if (byHistory || !photoOfAddress()) return;
    // A copied address has no entry before it that is the list's.
    if (history.state?.lightbox) history.back();
    else history.replaceState(history.state, "", location.pathname + location.search);
  });
}

function writeAddress(id) {
  if (photoOfAddress()) return history.replaceState(history.state, "", addressOfPhoto(id));
  notePlace();
  history.pushState({ ...history.state, lightbox: true }, "", addressOfPhoto(id));
}

// The part of the window beside or above the drawer.
function viewport() {
  const wide = innerWidth > 720;
  const beside = drawer() && wide ? drawer().offsetWidth : 0;
  const below = drawer() && !wide ? drawer().offsetHeight : 0;
  return { x: document.documentElement.clientWidth - beside, y: innerHeight - below };
}

// --- buttons, drawer and keys ---

function addButtons(pswp) {
  const add = (name, title, picture, order, act) =>
    pswp.ui.registerElement({
      name,
      title,
      ariaLabel: title,
      order,
      isButton: true,
      tagName: "button",
      html: "",
      onInit: (element) => element.append(icon(picture)),
      onClick: act,
    });
  pswp.on("uiRegister", () => {
    add("fold", gettext("Show the photos folded here (o)"), "stack", 7, () => unfold(pswp));
    add("alike", gettext("Find similar (s)"), "similar", 8, () => goToSimilar());
    add("part", gettext("Search by a part of this photo (p)"), "part", 8, () => drawPart(pswp, currentId()));
    add("drawer", gettext("Details (i)"), "info", 9, () => toggleDrawer());
    add("love", gettext("Favourite (f)"), "heart", 10, () => toggleFavourites([currentId()]));
    add("bin", gettext("Delete"), "trash", 11, () => remove());
  });
  pswp.on("keydown", (event) => onKey(event, pswp));
}

// A key whose PhotoSwipe event is prevented does not reach PhotoSwipe.
function onKey(event, pswp) {
  const key = event.originalEvent;
  if (isDrawing() && key.key === "Escape") stopDrawing();
  const elsewhere = isDrawing() || key.defaultPrevented || key.target.matches?.("input, textarea, .part-layer *");
  if (elsewhere || key.ctrlKey || key.metaKey || document.querySelector("dialog[open]")) return event.preventDefault();
  if (key.key === "Escape" && drawer()) {
    event.preventDefault();
    return toggleDrawer();
  }
  const shortcuts = {
    i: toggleDrawer,
    f: () => toggleFavourites([currentId()]),
    s: goToSimilar,
    p: () => drawPart(pswp, currentId()),
    o: () => unfold(pswp),
    x: selectCurrent,
    Delete: remove,
    "?": help,
  };
  if (!(key.key in shortcuts)) return;
  event.preventDefault();
  shortcuts[key.key]();
}

const current = () => box.currSlide.data;
const currentId = () => current().base.split("/").at(-1);
// Leaving a field of the drawer saves it.
const leaveField = () => document.activeElement?.closest(".drawer") && document.activeElement.blur();
const drawer = () => document.querySelector(".drawer");
const help = () => document.getElementById("help").showModal();
const goToSimilar = () => {
  location.href = `${current().base}/similar`;
};
const selectCurrent = () => current().element.closest(".tile")?.querySelector(".check input").click();

function drawHeart() {
  const button = box?.element?.querySelector(".pswp__button--love");
  button?.setAttribute("aria-pressed", areFavourites([currentId()]));
}

const tileOf = (item) => item.element.closest(".tile");

// The button that opens a stack here and in the grid; only photos with others folded under them have it.
function drawFold() {
  const button = box.element.querySelector(".pswp__button--fold");
  const fold = canOpen(tileOf(current())) && tileOf(current()).querySelector(".fold");
  if (!button) return;
  button.hidden = !fold;
  if (!fold) return;
  button.dataset.count = fold.querySelector(".fold-count").textContent;
  button.title = gettext("%(photos)s: show them here (o)", { photos: fold.dataset.many });
  button.ariaLabel = button.title;
}

async function unfold(pswp) {
  const item = current();
  if (!canOpen(tileOf(item))) return;
  const items = pswp.options.dataSource;
  const tiles = await openTile(tileOf(item));
  if (box !== pswp || !tiles.length) return;
  const place = items.indexOf(item) + 1;
  items.splice(place, 0, ...tiles.map((tile) => slide(tile.querySelector(".open"))));
  for (let index = place; index < items.length; index += 1) pswp.refreshSlideContent(index);
  drawFold();
  pswp.next();
  announce(
    ngettext(
      "1 of %(count)s photo folded under %(name)s",
      "1 of %(count)s photos folded under %(name)s",
      tiles.length,
      { name: item.name },
    ),
  );
}

async function remove() {
  const gone = await moveToTrash([currentId()]);
  if (!gone.length || !box) return;
  if (document.querySelector(".photo-page")) return location.assign("/");
  box.close();
}

export function toggleDrawer() {
  if (drawer()) {
    leaveField();
    drawer().remove();
    box.element.classList.remove("with-drawer");
    return box.updateSize(true);
  }
  const aside = document.createElement("aside");
  aside.className = "drawer";
  aside.ariaLabel = gettext("Details");
  box.element.append(aside);
  box.element.classList.add("with-drawer");
  box.updateSize(true);
  for (const name of ["pointerdown", "wheel", "click"]) {
    aside.addEventListener(name, (event) => event.stopPropagation());
  }
  fillDrawer();
}

async function fillDrawer() {
  leaveField();
  const base = current().base;
  const aside = drawer();
  const answer = await fetch(base, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (!answer?.ok || current().base !== base) return;
  const part = document.createElement("template");
  part.innerHTML = await answer.text();
  addWhy(part.content, base);
  aside.replaceChildren(part.content);
  htmx.process(aside);
  box.updateSize(true);
}

// In results, the drawer offers an explanation of why this photo matches.
function addWhy(details, base) {
  const query = document.querySelector(".results[data-query]")?.dataset.query;
  if (!query || !tileOf(current())) return;
  const section = document.createElement("section");
  section.className = "why-here";
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button";
  button.append(icon("info"), gettext("Why is this here?"));
  button.setAttribute("hx-get", `${base}/why?q=${encodeURIComponent(query)}`);
  button.setAttribute("hx-target", "closest .why-here");
  section.append(button);
  details.querySelector(".marks").after(section);
}
