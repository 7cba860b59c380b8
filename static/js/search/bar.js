// The search bar: the text field, and searching by a picture that is chosen, pasted or dropped on it.
import { gettext } from "../page/language.js";
import { announce, toast } from "../page/notices.js";
import { attachFacets } from "./facets.js";
import { attachFilters } from "./filters.js";
import { attachSuggestions } from "./suggestions.js";
import { attachTokens, clearTokens, wholeQuery } from "./tokens.js";

const form = document.querySelector(".search-form");
const input = document.getElementById("q");
const imageForm = document.getElementById("image-form");
const PLACEHOLDER = input?.placeholder;
const PHOTO = /\/photos\/([0-9a-f]{8}-[0-9a-f-]{27})/;

export function attachSearchBar() {
  if (!form) return;
  form.addEventListener("submit", (event) => {
    input.value = input.value.trim();
    if (!wholeQuery()) event.preventDefault();
  });
  attachTokens(form, input);
  attachClear();
  attachSuggestions(form, input);
  attachFilters();
  attachPictures();
  attachFacets();
}

function attachClear() {
  const clear = form.querySelector(".clear");
  const show = () => {
    clear.hidden = !wholeQuery();
  };
  input.addEventListener("input", show);
  form.addEventListener("scry:tokens", show);
  // Back restores typed text without an input event.
  addEventListener("pageshow", show);
  clear.addEventListener("click", () => {
    input.value = "";
    clearTokens();
    input.focus();
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

// --- by a picture ---

function attachPictures() {
  const file = imageForm.querySelector('input[type="file"]');
  form.querySelector('[data-action="search-by-image"]').addEventListener("click", (event) => {
    event.preventDefault();
    file.click();
  });
  file.addEventListener("change", () => file.files.length && send());
  input.addEventListener("paste", (event) => take(event, event.clipboardData));
  form.addEventListener("dragover", (event) => {
    const types = [...event.dataTransfer.types];
    if (!types.includes("Files") && !types.includes("text/uri-list")) return;
    event.preventDefault();
    event.stopPropagation();
    form.classList.add("dropping");
  });
  form.addEventListener("dragleave", () => form.classList.remove("dropping"));
  form.addEventListener("drop", (event) => take(event, event.dataTransfer));
  addEventListener("pageshow", (event) => event.persisted && ready());
}

// Searches by the picture in a paste or drop; pasted text is left alone. A photo dragged from the
// gallery arrives as its address.
function take(event, data) {
  form.classList.remove("dropping");
  const photo = event.type === "drop" && PHOTO.exec(data.getData("text/uri-list"));
  const files = [...data.files];
  const picture = files.find((file) => file.type.startsWith("image/")) ?? files[0];
  if (!photo && !picture) return;
  event.preventDefault();
  event.stopPropagation();
  if (photo) return addPhoto(photo[1]);
  const carrier = new DataTransfer();
  carrier.items.add(picture);
  imageForm.querySelector('input[type="file"]').files = carrier.files;
  send();
}

function addPhoto(id) {
  const field = document.createElement("input");
  Object.assign(field, { type: "hidden", name: "with", value: `photo:${id}` });
  form.append(field);
  form.requestSubmit();
}

// The typed query stays, and the picture becomes one more term.
function send() {
  if (!navigator.onLine) return toast(gettext("There is no connection to the gallery."));
  imageForm.elements.q.value = wholeQuery();
  form.classList.add("busy");
  form.setAttribute("aria-busy", "true");
  input.placeholder = gettext("Looking at the picture…");
  announce(gettext("Looking at the picture…"));
  imageForm.submit();
}

function ready() {
  form.classList.remove("busy");
  form.removeAttribute("aria-busy");
  input.placeholder = PLACEHOLDER;
  imageForm.reset();
}
