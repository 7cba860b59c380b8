// What people put on photos: hearts, stars, captions, tags and albums, in the details and on selections.
import { removeTile } from "./grid.js";
import { announce, icon, photos, request, toast } from "./page.js";
import { selected } from "./selection.js";

const AT_ONCE = 500; // photos in one request, the most that the gallery takes

export function attachMarks() {
  document.body.addEventListener("htmx:beforeSwap", keepPlace);
  document.body.addEventListener("htmx:load", (event) => onMarks(event.detail.elt));
  document.body.addEventListener("htmx:afterRequest", onAnswer);
  document.body.addEventListener("htmx:sendError", onAnswer);
  // Escape leaves a field of the details and nothing else; leaving the caption saves it.
  document.addEventListener("keydown", (event) => {
    const field = event.target.closest?.(".marks input, .marks textarea");
    if (event.key !== "Escape" || !field) return;
    event.preventDefault();
    event.stopPropagation();
    field.blur();
  }, true);
  document.addEventListener("keydown", onStarKey);
  attachAlbums();
  attachPops();
}

// Forms that a button opens close again with Escape or a click elsewhere.
function attachPops() {
  const close = (but) => document.querySelectorAll(".pop[open]").forEach((pop) => { if (pop !== but) pop.open = false; });
  document.addEventListener("click", (event) => close(event.target.closest(".pop")));
  for (const pop of document.querySelectorAll(".pop")) {
    pop.addEventListener("toggle", () => { if (pop.open) pop.querySelector("input:not([type=hidden])")?.select(); });
    pop.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !pop.open) return;
      event.preventDefault();
      pop.open = false;
      pop.querySelector("summary").focus();
    });
  }
}

// Sends the ids in as few requests as the gallery takes; resolves to how many changed and what
// stopped it, if anything did.
async function sendAll(method, path, ids, more = {}) {
  let changed = 0;
  for (let at = 0; at < ids.length; at += AT_ONCE) {
    const answer = await request(method, path, { ids: ids.slice(at, at + AT_ONCE), ...more });
    if (!answer.ok) return { changed, problem: answer.why };
    changed += answer.said.changed;
  }
  return { changed };
}

// --- the marks in the details -------------------------------------------------------------------

let place = null;

// The part is drawn anew after each change; the focus returns to where it was.
function keepPlace(event) {
  const marks = event.detail.elt?.closest?.(".marks");
  if (marks) place = document.activeElement?.dataset.mark ?? event.detail.elt.querySelector("[data-mark]")?.dataset.mark;
}

function onMarks(element) {
  if (!element.matches?.(".marks")) return;
  showFavourite(element.dataset.photo, element.dataset.favourite === "1");
  if (place) element.querySelector(`[data-mark="${place}"]`)?.focus();
  place = null;
}

function onAnswer(event) {
  // The form itself may be gone by now, replaced by the answer.
  const form = event.detail.requestConfig?.elt;
  if (!form?.matches?.("form.caption, form[data-done]")) return;
  if (event.detail.failed || event.type === "htmx:sendError") return toast("That was not saved. Try again.");
  // What is left is neither when a newer request took its place.
  if (!event.detail.successful) return;
  if (form.matches(".caption")) return saved(form);
  const problem = event.detail.xhr.responseText.includes('class="field-error"');
  if (form.dataset.done && !problem) announce(form.dataset.done);
}

function saved(form) {
  const note = form.querySelector(".saved");
  note.textContent = "Saved";
  announce("Caption saved");
  clearTimeout(note.timer);
  note.timer = setTimeout(() => { note.textContent = ""; }, 2000);
}

// --- favourites ---------------------------------------------------------------------------------

const tilesOf = (id) => document.querySelectorAll(`.tile[data-id="${id}"]`);
const marksOf = (id) => document.querySelectorAll(`.marks[data-photo="${id}"]`);

function isFavourite(id) {
  const marks = marksOf(id)[0];
  return marks ? marks.dataset.favourite === "1" : Boolean([...tilesOf(id)].find((tile) => tile.querySelector(".loved")));
}

// Whether all of these that are on the page are favourites; what a stack hides counts with it.
export function areFavourites(ids) {
  const seen = ids.filter((id) => marksOf(id).length || tilesOf(id).length);
  return seen.length > 0 && seen.every(isFavourite);
}

// Marks all as favourites, or none of them when all are already.
export async function toggleFavourites(ids) {
  if (!ids.length) return;
  const on = !areFavourites(ids);
  const { changed, problem } = await sendAll(on ? "POST" : "DELETE", "/api/v1/favourites", ids);
  if (problem) return toast(problem);
  for (const id of ids) showFavourite(id, on);
  // A single heart that appears or goes says enough to whoever sees it.
  const say = ids.length === 1 ? announce : toast;
  say(on ? `${photos(changed)} added to the favourites` : `${photos(changed)} no longer in the favourites`);
  document.dispatchEvent(new CustomEvent("scry:marked"));
}

function showFavourite(id, on) {
  for (const tile of tilesOf(id)) {
    const heart = tile.querySelector(".loved");
    if (on && !heart) tile.append(drawHeart());
    if (!on) heart?.remove();
  }
  for (const marks of marksOf(id)) {
    marks.dataset.favourite = on ? "1" : "0";
    marks.querySelector('[data-mark="favourite"]').setAttribute("aria-pressed", on);
    marks.querySelector('[name="favourite"]').value = on ? "0" : "1";
  }
  document.dispatchEvent(new CustomEvent("scry:favourite"));
}

function drawHeart() {
  const heart = document.createElement("span");
  heart.className = "loved";
  const word = document.createElement("span");
  word.className = "visually-hidden";
  word.textContent = "Favourite";
  heart.append(icon("heart"), word);
  return heart;
}

// --- stars --------------------------------------------------------------------------------------

const FIELDS = "input:not([type=checkbox]), textarea, select, [contenteditable]";

// 1 to 5 give stars to what is open, selected or focused, and 0 takes them away.
function onStarKey(event) {
  if (!/^[0-5]$/.test(event.key) || event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
  if (document.querySelector("dialog[open]") || event.target.matches?.(FIELDS)) return;
  const ids = underHand();
  if (!ids.length) return;
  event.preventDefault();
  rate(ids, Number(event.key));
}

function underHand() {
  const open = document.querySelector(".pswp") ? location.pathname.match(/^\/photos\/([0-9a-f-]{36})/)?.[1] : null;
  if (open) return [open];
  if (selected().length) return selected();
  const one = document.activeElement?.closest("[data-grid] .tile")?.dataset.id ?? document.querySelector(".photo-page")?.dataset.photo;
  return one ? [one] : [];
}

async function rate(ids, stars) {
  const { changed, problem } = await sendAll("POST", "/api/v1/ratings", ids, { stars });
  if (problem) return toast(problem);
  for (const id of ids) showStars(id, stars);
  const given = stars ? `${stars} ${stars === 1 ? "star" : "stars"}` : "no stars";
  // On the page of one photo the stars themselves say it.
  const say = ids.length === 1 && marksOf(ids[0]).length ? announce : toast;
  say(ids.length === 1 ? `Rated with ${given}` : `${photos(changed)} rated with ${given}`);
  document.dispatchEvent(new CustomEvent("scry:marked"));
}

function showStars(id, stars) {
  for (const marks of marksOf(id)) {
    for (const button of marks.querySelectorAll("[data-star]")) {
      const star = Number(button.dataset.star);
      const name = `${star} ${star === 1 ? "star" : "stars"}`;
      button.classList.toggle("on", star <= stars);
      button.value = star === stars ? 0 : star;
      button.setAttribute("aria-pressed", star === stars);
      button.setAttribute("aria-label", star === stars ? `${name}, the rating now; press to take it away` : name);
    }
  }
}

// --- albums -------------------------------------------------------------------------------------

const dialog = document.getElementById("to-album");
let chosen = [];
let known = [];

export async function askForAlbum(ids) {
  if (!ids.length) return;
  chosen = ids;
  known = [];
  dialog.querySelector("h2").textContent = `Add ${photos(ids.length)} to an album`;
  dialog.querySelector('[name="name"]').value = "";
  dialog.classList.add("loading");
  complain("");
  draw();
  dialog.showModal();
  const answer = await request("GET", "/api/v1/albums");
  dialog.classList.remove("loading");
  if (answer.ok) known = answer.said.albums;
  else complain(answer.why);
  draw();
}

function attachAlbums() {
  if (!dialog) return;
  dialog.querySelector('[name="name"]').addEventListener("input", draw);
  dialog.querySelector(".name-form").addEventListener("submit", (event) => {
    event.preventDefault();
    addByName(dialog.querySelector('[name="name"]').value.trim());
  });
  dialog.querySelector(".album-choices").addEventListener("click", (event) => {
    const id = event.target.closest("button")?.dataset.album;
    if (id) addTo(known.find((album) => album.id === id));
  });
}

function complain(text) {
  const line = dialog.querySelector(".field-error");
  line.textContent = text;
  line.hidden = !text;
}

// Lists the albums whose name holds what is typed; a name that no album has makes a new one.
function draw() {
  const typed = dialog.querySelector('[name="name"]').value.trim();
  const like = typed.toLocaleLowerCase();
  const found = known.filter((album) => album.name.toLocaleLowerCase().includes(like));
  const template = document.getElementById("album-choice");
  dialog.querySelector(".album-choices").replaceChildren(...found.map((album) => {
    const row = template.content.cloneNode(true).firstElementChild;
    row.querySelector("button").dataset.album = album.id;
    row.querySelector(".name").textContent = album.name;
    row.querySelector(".fine").textContent = album.photos ? photos(album.photos) : "Empty";
    if (album.cover) row.querySelector(".thumb").append(picture(album.cover));
    return row;
  }));
  const exact = known.some((album) => album.name === typed);
  const button = dialog.querySelector(".name-form button");
  button.textContent = exact ? "Add" : "Create";
  button.disabled = !typed;
}

function picture(source) {
  const image = new Image();
  image.alt = "";
  image.loading = "lazy";
  image.addEventListener("error", () => image.remove());
  image.src = source;
  return image;
}

async function addByName(name) {
  if (!name) return;
  const album = known.find((one) => one.name === name);
  if (album) return addTo(album);
  const answer = await request("POST", "/api/v1/albums", { name });
  if (!answer.ok) return complain(answer.why);
  known.push(answer.said);
  await addTo(answer.said);
}

async function addTo(album) {
  const { changed, problem } = await sendAll("POST", `/api/v1/albums/${album.id}/photos`, chosen);
  if (problem) return complain(problem);
  dialog.close();
  const here = chosen.length - changed;
  toast(!changed ? `Already in ${album.name}` : `${photos(changed)} added to ${album.name}${here ? `, ${here} there already` : ""}`);
  document.dispatchEvent(new CustomEvent("scry:marked"));
}

function recount(by) {
  const line = document.getElementById("album-count");
  if (!line) return;
  line.dataset.count = Number(line.dataset.count) + by;
  line.textContent = photos(Number(line.dataset.count));
}

// Takes photos out of the album of this page.
export async function takeOut(albumId, ids) {
  const path = `/api/v1/albums/${albumId}/photos`;
  const { changed, problem } = await sendAll("DELETE", path, ids);
  if (problem) return toast(problem);
  for (const id of ids) tilesOf(id).forEach(removeTile);
  recount(-changed);
  const undo = async () => {
    await sendAll("POST", path, ids);
    location.reload();
  };
  toast(`${photos(changed)} taken out of the album`, { label: "Undo", act: undo });
}
