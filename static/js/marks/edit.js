// The dialog that edits the marks of the selected photos: tags, with completion, rating and caption.
import { request } from "../page/api.js";
import { gettext, ngettext } from "../page/language.js";
import { changeMarks, tellChange } from "./changes.js";

const dialog = document.getElementById("edit-marks");
const form = dialog?.querySelector("form");
let photoIds = [];
let tags = [];

export function attachEdit() {
  if (!dialog) return;
  form.addEventListener("submit", save);
  form.addEventListener("input", onInput);
  dialog.querySelector('[data-edit="close"]').addEventListener("click", () => dialog.close());
}

export async function askForMarks(ids) {
  if (!ids.length) return;
  photoIds = ids;
  form.reset();
  const title = ngettext("Edit %(count)s photo", "Edit %(count)s photos", ids.length);
  dialog.querySelector("h2").textContent = title;
  showProblem("");
  onInput();
  dialog.showModal();
  const answer = await request("GET", "/api/v1/tags");
  tags = answer.said?.tags ?? [];
  for (const field of form.querySelectorAll("[list]")) complete(field); // It may have been typed in.
}

function showProblem(text) {
  const line = dialog.querySelector(".field-error");
  line.textContent = text;
  line.hidden = !text;
}

function onInput(event) {
  form.elements.caption.disabled = !form.elements.with_caption.checked;
  if (event?.target.list) complete(event.target);
}

// A field takes several tags with commas between them. What is offered completes the last one.
function complete(field) {
  const before = field.value.slice(0, field.value.lastIndexOf(",") + 1);
  const typed = new Set(listed(field.value));
  const offered = tags.filter((tag) => !typed.has(tag)).map((tag) => new Option("", before ? `${before} ${tag}` : tag));
  field.list.replaceChildren(...offered);
}

const listed = (text) => text.split(",").flatMap((part) => part.trim() || []);

function wanted() {
  const { add, remove, rating, with_caption: withCaption, caption } = form.elements;
  const what = { add_tags: listed(add.value), remove_tags: listed(remove.value) };
  if (rating.value) what.rating = Number(rating.value);
  if (withCaption.checked) what.caption = caption.value;
  return what;
}

async function save(event) {
  event.preventDefault();
  const what = wanted();
  const button = form.querySelector(".primary");
  button.disabled = true;
  const result = await changeMarks(photoIds, what);
  button.disabled = false;
  if (result.problem && !result.changed) return showProblem(result.problem);
  dialog.close();
  tellChange(changedText(what, result.changed), result);
  document.dispatchEvent(new CustomEvent("scry:marked"));
}

function changedText(what, count) {
  if (!count) return gettext("No photo changed");
  const onlyTags = !("rating" in what || "caption" in what || what.remove_tags.length);
  if (onlyTags) return ngettext("%(count)s photo tagged", "%(count)s photos tagged", count);
  return ngettext("%(count)s photo changed", "%(count)s photos changed", count);
}
