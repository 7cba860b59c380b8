// The pictures in the search bar: chips before the text, for what they are called by is an id. The
// arrow keys and Backspace go from the text to them; a key that writes goes back to the text.
import { gettext } from "../page/language.js";
import { announce } from "../page/notices.js";

// As the query language writes a photo, a part of one, or a picture from outside.
const PICTURE = /(?<!\S)[+-]?(\d+([.,]\d+)?:)?(photo|picture):[0-9a-f]{8}-[0-9a-f-]{27}(@[\d.,]+)?(?!\S)/i;
let form, input, list;

const buttons = () => [...list.querySelectorAll(".token-remove")];
const terms = () => [...list.querySelectorAll("input")].map((field) => field.value);

export function attachTokens(searchForm, field) {
  [form, input, list] = [searchForm, field, searchForm.querySelector(".tokens")];
  input.addEventListener("keydown", reach);
  input.addEventListener("input", takePictures);
  list.addEventListener("keydown", onKey);
  list.addEventListener("click", (event) => {
    const button = event.target.closest(".token-remove");
    if (!button) return;
    event.preventDefault();
    remove(button);
  });
}

// The whole query, as the address has it.
export const wholeQuery = () => [input.value.trim(), ...terms()].filter(Boolean).join(" ");

export function clearTokens() {
  list.replaceChildren();
  changed();
}

function changed() {
  list.hidden = !list.children.length;
  form.dispatchEvent(new Event("scry:tokens"));
}

// The first Backspace goes to the last picture, and the second removes it.
function reach(event) {
  if (event.key !== "Backspace" && event.key !== "ArrowLeft") return;
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  const last = buttons().at(-1);
  if (!last || input.selectionEnd) return;
  event.preventDefault();
  last.focus();
}

function onKey(event) {
  const button = event.target;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const all = buttons();
  const at = all.indexOf(button);
  // The keys of the page are for photos.
  event.stopPropagation();
  if (event.key === "ArrowLeft") all[at - 1]?.focus();
  else if (event.key === "ArrowRight") (all[at + 1] ?? toText()).focus();
  else if (event.key === "Backspace" || event.key === "Delete") remove(button);
  else if (event.key === "Escape") input.focus();
  // The key then writes into the text.
  else if (event.key.length === 1 && event.key !== " ") return toText().focus();
  else return;
  event.preventDefault();
}

function toText() {
  input.setSelectionRange(0, 0);
  return input;
}

function remove(button) {
  const all = buttons();
  const next = all[all.indexOf(button) + 1] ?? input;
  const label = button.closest(".token").querySelector(".token-name").textContent;
  button.closest(".token").remove();
  changed();
  next.focus();
  announce(gettext("%(name)s removed", { name: label }));
}

// A query that is pasted may have pictures; the server knows what they are called.
async function takePictures() {
  const text = input.value;
  if (!PICTURE.test(text)) return;
  const address = `${form.dataset.bar}?${new URLSearchParams({ q: text })}`;
  const answer = await fetch(address).catch(() => null);
  if (!answer?.ok || answer.redirected || input.value !== text) return;
  const part = document.createElement("template");
  part.innerHTML = await answer.text();
  const found = part.content.querySelector(".tokens");
  list.append(...found.children);
  input.value = found.dataset.text;
  changed();
}
