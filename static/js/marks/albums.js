// Albums: the dialog that adds photos to one, and taking photos out of the album of this page.
import { removeTile, tilesOf } from "../grid/grid.js";
import { photos } from "../page/amounts.js";
import { request } from "../page/api.js";
import { gettext, ngettext } from "../page/language.js";
import { toast } from "../page/notices.js";
import { changeMarks, tellChange } from "./changes.js";

const dialog = document.getElementById("to-album");
let photoIds = [];
let albums = [];
let listed = Promise.resolve(); // once the albums are known, or cannot be

const nameField = () => dialog.querySelector('[name="name"]');

export function attachAlbums() {
  if (!dialog) return;
  nameField().addEventListener("input", draw);
  dialog.querySelector(".name-form").addEventListener("submit", (event) => {
    event.preventDefault();
    addByName(nameField().value.trim());
  });
  dialog.querySelector(".album-choices").addEventListener("click", (event) => {
    const id = event.target.closest("button")?.dataset.album;
    if (id) addTo(albums.find((album) => album.id === id));
  });
}

export async function askForAlbum(ids) {
  if (!ids.length) return;
  photoIds = ids;
  albums = [];
  const title = ngettext("Add %(count)s photo to an album", "Add %(count)s photos to an album", ids.length);
  dialog.querySelector("h2").textContent = title;
  nameField().value = "";
  dialog.classList.add("loading");
  showProblem("");
  draw();
  dialog.showModal();
  listed = list();
  await listed;
}

async function list() {
  const answer = await request("GET", "/api/v1/albums");
  dialog.classList.remove("loading");
  if (answer.ok) albums = answer.said.albums;
  else showProblem(answer.why);
  draw();
}

function showProblem(text) {
  const line = dialog.querySelector(".field-error");
  line.textContent = text;
  line.hidden = !text;
}

// Lists the albums whose name contains the typed text. Any other name creates an album.
function draw() {
  const typed = nameField().value.trim();
  const needle = typed.toLocaleLowerCase();
  const matches = albums.filter((album) => album.name.toLocaleLowerCase().includes(needle));
  dialog.querySelector(".album-choices").replaceChildren(...matches.map(choice));
  const exact = albums.some((album) => album.name === typed);
  const button = dialog.querySelector(".name-form button");
  button.textContent = exact ? gettext("Add") : gettext("Create");
  button.disabled = !typed;
}

function choice(album) {
  const row = document.getElementById("album-choice").content.cloneNode(true).firstElementChild;
  row.querySelector("button").dataset.album = album.id;
  row.querySelector(".name").textContent = album.name;
  row.querySelector(".fine").textContent = album.photos ? photos(album.photos) : gettext("Empty");
  if (album.cover) row.querySelector(".thumb").append(cover(album.cover));
  return row;
}

function cover(source) {
  const image = new Image();
  image.alt = "";
  image.loading = "lazy";
  image.addEventListener("error", () => image.remove());
  image.src = source;
  return image;
}

async function addByName(name) {
  if (!name) return;
  await listed;
  const album = albums.find((album) => album.name === name);
  if (album) return addTo(album);
  const answer = await request("POST", "/api/v1/albums", { name });
  if (!answer.ok) return showProblem(answer.why);
  albums.push(answer.said);
  await addTo(answer.said);
}

async function addTo(album) {
  const result = await changeMarks(photoIds, { add_to_albums: [album.id] });
  if (result.problem) return showProblem(result.problem);
  dialog.close();
  tellChange(addedText(album.name, result.changed, photoIds.length - result.changed - result.unknown), result);
  document.dispatchEvent(new CustomEvent("scry:marked"));
}

function addedText(name, added, present) {
  if (!added) return gettext("Already in %(album)s", { album: name });
  const album = { album: name };
  const text = ngettext("%(count)s photo added to %(album)s", "%(count)s photos added to %(album)s", added, album);
  if (!present) return text;
  return `${text}, ${ngettext("%(count)s was already there", "%(count)s were already there", present)}`;
}

export async function takeOutOfAlbum(albumId, ids) {
  const result = await changeMarks(ids, { take_out_of_albums: [albumId] });
  if (result.problem) return toast(result.problem);
  for (const id of ids) tilesOf(id).forEach(removeTile);
  reduceCount(result.changed);
  const { changed } = result;
  const text = ngettext("%(count)s photo removed from the album", "%(count)s photos removed from the album", changed);
  tellChange(text, result, () => location.reload());
}

function reduceCount(by) {
  const line = document.getElementById("album-count");
  if (!line) return;
  line.dataset.count = Number(line.dataset.count) - by;
  line.textContent = photos(Number(line.dataset.count));
}
