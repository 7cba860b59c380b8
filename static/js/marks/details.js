// The forms in the details of a photo: caption, tags, albums and favourite, and forms that pop up.
import { gettext } from "../page/language.js";
import { announce, toast } from "../page/notices.js";
import { showFavourite } from "./favourites.js";

let focusedMark = null;

export function attachDetails() {
  document.body.addEventListener("htmx:beforeSwap", rememberFocus);
  document.body.addEventListener("htmx:load", (event) => onMarks(event.detail.elt));
  document.body.addEventListener("htmx:afterRequest", onAnswer);
  document.body.addEventListener("htmx:sendError", onAnswer);
  // Escape only leaves the field. Leaving the caption saves it.
  document.addEventListener(
    "keydown",
    (event) => {
      const field = event.target.closest?.(".marks input, .marks textarea");
      if (event.key !== "Escape" || !field) return;
      event.preventDefault();
      event.stopPropagation();
      field.blur();
    },
    true,
  );
  attachPops();
}

// Forms that a button opens close with Escape or with a click outside.
function attachPops() {
  document.addEventListener("click", (event) => {
    const clicked = event.target.closest(".pop");
    for (const pop of document.querySelectorAll(".pop[open]")) if (pop !== clicked) pop.open = false;
  });
  for (const pop of document.querySelectorAll(".pop")) {
    pop.addEventListener("toggle", () => {
      if (pop.open) pop.querySelector("input:not([type=hidden])")?.select();
    });
    pop.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !pop.open) return;
      event.preventDefault();
      pop.open = false;
      pop.querySelector("summary").focus();
    });
  }
}

// Each change replaces the marks; the focus then returns to the same control.
function rememberFocus(event) {
  const element = event.detail.elt;
  if (!element?.closest?.(".marks")) return;
  focusedMark = document.activeElement?.dataset.mark ?? element.querySelector("[data-mark]")?.dataset.mark;
}

function onMarks(element) {
  if (!element.matches?.(".marks")) return;
  showFavourite(element.dataset.photo, element.dataset.favourite === "1");
  if (focusedMark) element.querySelector(`[data-mark="${focusedMark}"]`)?.focus();
  focusedMark = null;
}

function onAnswer(event) {
  // The answer may have replaced the form itself.
  const form = event.detail.requestConfig?.elt;
  if (!form?.matches?.("form.caption, form[data-done]")) return;
  if (event.detail.failed || event.type === "htmx:sendError") return toast(gettext("That was not saved. Try again."));
  // A request that a newer one replaced neither failed nor succeeded.
  if (!event.detail.successful) return;
  if (form.matches(".caption")) return captionSaved(form);
  const problem = event.detail.xhr.responseText.includes('class="field-error"');
  if (form.dataset.done && !problem) announce(form.dataset.done);
}

function captionSaved(form) {
  const note = form.querySelector(".saved");
  note.textContent = gettext("Saved");
  announce(gettext("Caption saved"));
  clearTimeout(note.timer);
  note.timer = setTimeout(() => {
    note.textContent = "";
  }, 2000);
}
