// The lightbox over grid and results. Each photo has its own address, Back closes, and the
// next page of the grid is fetched before its last photo is reached.
import { moveToTrash } from "./delete.js";
import { areFavourites, toggleFavourites } from "./marks.js";
import { announce, icon } from "./page.js";
import { findPart, isDrawing, stop as stopDrawing } from "./part.js";
import * as stacks from "./stacks.js";

const PREVIEW_SIDE = 1440;
// Formats that browsers draw themselves; the original of any other is never put into a page.
const DRAWN = new Set(["JPEG", "PNG", "WEBP", "GIF", "AVIF"]);
let box = null;

export function attachLightbox() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-grid] .tile .open, .photo-page .picture");
    if (!link || link.closest(".drawer") || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open(link).catch(() => { location.href = link.href; });
  });
  addEventListener("popstate", shut);
  document.addEventListener("scry:favourite", showLove);
  // PhotoSwipe listens to keys only once its opening animation has ended.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && box && !box.opener.isOpen && !isDrawing()) shut();
  });
}

// The opening animation cannot be interrupted, so a close that comes during it follows it.
function shut() {
  if (!box) return;
  if (box.opener.isOpen) box.close();
  else box.on("openingAnimationEnd", () => box?.close());
}

function slides(root) {
  return [...root.querySelectorAll(".tile .open")].map(slide);
}

function slide(link) {
  const image = link.querySelector("img");
  const [width, height] = [Number(link.dataset.w), Number(link.dataset.h)];
  const base = link.dataset.base ?? link.getAttribute("href");
  const shown = Math.min(1, PREVIEW_SIDE / Math.max(width, height));
  const srcset = [`${base}/preview ${Math.round(width * shown)}w`];
  if (shown < 1 && DRAWN.has(link.dataset.format)) srcset.push(`${base}/original ${width}w`);
  return {
    src: `${base}/preview`, srcset: srcset.join(", "), msrc: image?.currentSrc || image?.src,
    width, height, alt: link.dataset.name, element: link, thumbCropped: true, base,
  };
}

async function open(link) {
  const { default: PhotoSwipe } = await import("../vendor/photoswipe.esm.min.js");
  const root = link.closest("[data-grid]");
  const items = root ? slides(root) : [slide(link)];
  const start = location.href;
  box = new PhotoSwipe({
    dataSource: items,
    index: Math.max(items.findIndex((item) => item.element === link), 0),
    // Small pictures are drawn up to 1.6 times their size; sharp ones fill the window.
    initialZoomLevel: (zoom) => Math.min(zoom.panAreaSize.x / zoom.elementSize.x, zoom.panAreaSize.y / zoom.elementSize.y, 1.6),
    getViewportSizeFn: room,
    bgOpacity: 1, loop: false, wheelToZoom: true, preload: [1, 2],
    showHideAnimationType: "zoom", showAnimationDuration: 180, hideAnimationDuration: 180,
    closeTitle: "Close (Esc)", zoomTitle: "Zoom", arrowPrevTitle: "Previous", arrowNextTitle: "Next",
    errorMsg: "This picture cannot be shown.",
  });
  addButtons(box);
  addresses(box, start);
  box.on("change", () => {
    if (root && box.currIndex > items.length - 8) fetchMore(root, items);
    if (drawer()) fillDrawer();
    showFold();
    showLove();
  });
  box.on("destroy", () => {
    document.querySelector(".drawer")?.remove();
    const last = items[box.currIndex]?.element;
    box = null;
    last?.focus({ preventScroll: false });
  });
  box.init();
  box.element.setAttribute("aria-label", "Photo viewer");
}

// --- one address per photo ----------------------------------------------------------------------

function addresses(pswp, start) {
  let pushed = false;
  const title = document.title;
  pswp.on("change", () => {
    const item = pswp.currSlide.data;
    if (!item.element.dataset.base) {
      history[pushed ? "replaceState" : "pushState"]({ lightbox: true }, "", item.base);
      pushed = true;
    }
    document.title = `${item.alt} · Scry`;
  });
  pswp.on("close", () => {
    document.title = title;
    // Back has been pressed already when the address is that of the grid again.
    if (pushed && location.href !== start) history.back();
  });
}

// What the drawer leaves of the window.
function room() {
  const wide = innerWidth > 720;
  const beside = drawer() && wide ? drawer().offsetWidth : 0;
  const below = drawer() && !wide ? drawer().offsetHeight : 0;
  return { x: document.documentElement.clientWidth - beside, y: innerHeight - below };
}

function fetchMore(root, items) {
  const more = root.querySelector(".more [hx-get]");
  if (!more || more.dataset.asked) return;
  more.dataset.asked = "yes";
  document.body.addEventListener("htmx:load", () => {
    const known = new Set(items.map((item) => item.base));
    items.push(...slides(root).filter((item) => !known.has(item.base)));
  }, { once: true });
  htmx.trigger(more, "intersect");
}

// --- buttons, drawer and keys -------------------------------------------------------------------

function addButtons(pswp) {
  const add = (name, title, picture, order, act) => pswp.ui.registerElement({
    name, title, ariaLabel: title, order, isButton: true, tagName: "button", html: "",
    onInit: (element) => element.append(icon(picture)), onClick: act,
  });
  pswp.on("uiRegister", () => {
    add("fold", "Show the photos folded here (o)", "stack", 7, () => unfold(pswp));
    add("alike", "Find similar (s)", "similar", 8, () => goToSimilar());
    add("part", "Find a part of this photo (p)", "part", 8, () => findPart(pswp, currentId()));
    add("drawer", "Details (i)", "info", 9, () => toggleDrawer());
    add("love", "Favourite (f)", "heart", 10, () => toggleFavourites([currentId()]));
    add("bin", "Delete", "trash", 11, () => remove());
  });
  pswp.on("keydown", (event) => {
    const key = event.originalEvent;
    if (isDrawing() && key.key === "Escape") stopDrawing();
    if (isDrawing() || key.defaultPrevented || key.target.matches?.("input, textarea, .part-layer *")) return event.preventDefault();
    if (key.ctrlKey || key.metaKey || document.querySelector("dialog[open]")) return event.preventDefault();
    const keys = { i: toggleDrawer, f: () => toggleFavourites([currentId()]), s: goToSimilar, p: () => findPart(pswp, currentId()), Delete: remove, x: selectCurrent, o: () => unfold(pswp), "?": help };
    if (key.key === "Escape" && drawer()) {
      event.preventDefault();
      return toggleDrawer();
    }
    if (key.key in keys) {
      event.preventDefault();
      keys[key.key]();
    }
  });
}

const current = () => box.currSlide.data;
const currentId = () => current().base.split("/").at(-1);
// What is typed in the drawer is saved when its field is left.
const leaveField = () => document.activeElement?.closest(".drawer") && document.activeElement.blur();
const drawer = () => document.querySelector(".drawer");
const help = () => document.getElementById("help").showModal();
const goToSimilar = () => { location.href = `${current().base}/similar`; };
const selectCurrent = () => current().element.closest(".tile")?.querySelector(".check input").click();

function showLove() {
  const button = box?.element?.querySelector(".pswp__button--love");
  button?.setAttribute("aria-pressed", areFavourites([currentId()]));
}

const tileOf = (item) => item.element.closest(".tile");

// The button is there for a photo that stands for others; they then follow it, here and in the grid.
function showFold() {
  const button = box.element.querySelector(".pswp__button--fold");
  const fold = stacks.canOpen(tileOf(current())) && tileOf(current()).querySelector(".fold");
  if (!button) return;
  button.hidden = !fold;
  if (!fold) return;
  button.dataset.count = fold.querySelector(".fold-count").textContent;
  button.title = button.ariaLabel = `${fold.dataset.many}: show them here (o)`;
}

async function unfold(pswp) {
  const item = current();
  if (!stacks.canOpen(tileOf(item))) return;
  const items = pswp.options.dataSource;
  const tiles = await stacks.open(tileOf(item));
  if (box !== pswp || !tiles.length) return;
  const place = items.indexOf(item) + 1;
  items.splice(place, 0, ...tiles.map((tile) => slide(tile.querySelector(".open"))));
  for (let index = place; index < items.length; index += 1) pswp.refreshSlideContent(index);
  showFold();
  pswp.next();
  announce(`1 of ${tiles.length} photos folded under ${item.alt}`);
}

async function remove() {
  const gone = await moveToTrash([currentId()]);
  if (!gone.length || !box) return;
  if (document.querySelector(".photo-page")) return location.assign("/");
  box.close();
}

function toggleDrawer() {
  if (drawer()) {
    leaveField();
    drawer().remove();
    box.element.classList.remove("with-drawer");
    return box.updateSize(true);
  }
  const aside = document.createElement("aside");
  aside.className = "drawer";
  aside.ariaLabel = "Details";
  box.element.append(aside);
  box.element.classList.add("with-drawer");
  box.updateSize(true);
  for (const name of ["pointerdown", "wheel", "click"]) aside.addEventListener(name, (event) => event.stopPropagation());
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

// In results, the drawer offers to say why this photo is one of them.
function addWhy(details, base) {
  const query = document.querySelector(".results[data-query]")?.dataset.query;
  if (!query || !tileOf(current())) return;
  const section = document.createElement("section");
  section.className = "why-here";
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button";
  button.append(icon("info"), "Why is this here?");
  button.setAttribute("hx-get", `${base}/why?q=${encodeURIComponent(query)}`);
  button.setAttribute("hx-target", "closest .why-here");
  section.append(button);
  details.querySelector(".marks").after(section);
}
