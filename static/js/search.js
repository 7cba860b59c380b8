// The search bar: the last queries under it, and searching by a picture that is chosen, pasted
// or dropped on it.
import { icon } from "./page.js";

const KEPT = 5;
const key = () => `scry-recent-${document.body.dataset.user}`;
const form = document.querySelector(".search-form");
const input = document.getElementById("q");
const list = document.getElementById("recent");
const imageForm = document.getElementById("image-form");

export function attachSearchBar() {
  if (!form) return;
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-controls", "recent");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-expanded", "false");
  form.addEventListener("submit", (event) => {
    if (!input.value.trim()) event.preventDefault();
    else remember(input.value.trim());
  });
  for (const name of ["focus", "click", "input"]) input.addEventListener(name, open);
  input.addEventListener("blur", () => setTimeout(close, 150));
  input.addEventListener("keydown", onKey);
  list.addEventListener("pointerdown", (event) => choose(event.target.closest("li")));
  attachPictures();
}

function recent() {
  try {
    return JSON.parse(localStorage.getItem(key()) ?? "[]");
  } catch {
    return [];
  }
}

function remember(query) {
  const kept = [query, ...recent().filter((one) => one !== query)].slice(0, KEPT);
  localStorage.setItem(key(), JSON.stringify(kept));
}

function open(event) {
  if (event.type === "focus" && input.autofocus) return;
  const typed = input.value.trim().toLowerCase();
  const shown = recent().filter((query) => query.toLowerCase().includes(typed) && query !== input.value);
  list.replaceChildren(...shown.map(option));
  list.hidden = shown.length === 0;
  input.setAttribute("aria-expanded", String(!list.hidden));
  input.removeAttribute("aria-activedescendant");
}

function option(query, place) {
  const line = document.createElement("li");
  line.id = `recent-${place}`;
  line.role = "option";
  line.ariaSelected = "false";
  line.append(icon("clock"), query);
  line.dataset.query = query;
  return line;
}

export function close() {
  list.hidden = true;
  input.setAttribute("aria-expanded", "false");
}

function choose(line) {
  if (!line) return;
  input.value = line.dataset.query;
  form.requestSubmit();
}

function onKey(event) {
  const lines = [...list.children];
  const at = lines.findIndex((line) => line.ariaSelected === "true");
  if (event.key === "Escape") {
    if (list.hidden) input.blur();
    close();
    event.stopPropagation();
  } else if (event.key === "Enter" && at >= 0 && !list.hidden) {
    event.preventDefault();
    choose(lines[at]);
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    if (list.hidden || !lines.length) return;
    event.preventDefault();
    const next = (at + (event.key === "ArrowDown" ? 1 : -1) + lines.length + (at < 0 ? 1 : 0)) % lines.length;
    lines.forEach((line, place) => { line.ariaSelected = String(place === (at < 0 ? 0 : next)); });
    input.setAttribute("aria-activedescendant", `recent-${at < 0 ? 0 : next}`);
  }
}

// --- by a picture -------------------------------------------------------------------------------

function attachPictures() {
  const file = imageForm.querySelector('input[type="file"]');
  document.querySelector('[data-action="search-by-image"]').addEventListener("click", (event) => {
    event.preventDefault();
    file.click();
  });
  file.addEventListener("change", () => file.files.length && submit());
  input.addEventListener("paste", (event) => take(event, event.clipboardData));
  form.addEventListener("dragover", (event) => {
    if (![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    event.stopPropagation();
    form.classList.add("dropping");
  });
  form.addEventListener("dragleave", () => form.classList.remove("dropping"));
  form.addEventListener("drop", (event) => take(event, event.dataTransfer));
}

// Takes the picture out of a paste or drop; a paste of text stays what it is.
function take(event, data) {
  form.classList.remove("dropping");
  const picture = [...data.files].find((file) => file.type.startsWith("image/") || file.name);
  if (!picture) return;
  event.preventDefault();
  event.stopPropagation();
  const carrier = new DataTransfer();
  carrier.items.add(picture);
  imageForm.querySelector('input[type="file"]').files = carrier.files;
  submit();
}

function submit() {
  input.value = "";
  input.placeholder = "Looking at the picture…";
  imageForm.submit();
}
