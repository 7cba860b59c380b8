// The forms in the details of a photo: caption, tags, albums and favourite, and forms that pop up.
import { csrf } from "../page/api.js";
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
  attachCaptions();
  attachPops();
}

// Enter saves a caption; Shift+Enter begins a line. While somebody types, an empty field is not
// saved: it may be on the way to another text.
function attachCaptions() {
  document.addEventListener("keydown", (event) => {
    const field = event.target.closest?.(".caption textarea");
    if (!field || event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    field.form.requestSubmit();
  });
  // Browsers send no "change" for a field that has the text again with which it got the focus.
  document.addEventListener("focusout", (event) => {
    const field = event.target.closest?.(".caption textarea");
    if (field && field.value !== field.defaultValue) field.form.requestSubmit();
  });
  document.body.addEventListener("htmx:beforeRequest", (event) => {
    const { elt, requestConfig } = event.detail;
    if (!elt.matches("form.caption") || requestConfig.triggeringEvent?.type !== "input") return;
    if (!elt.elements.caption.value.trim()) event.preventDefault();
  });
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
  if (form.matches(".caption")) return captionSaved(form, event.detail.requestConfig.parameters.caption);
  const problem = event.detail.xhr.responseText.includes('class="field-error"');
  if (form.dataset.done && !problem) announce(form.dataset.done);
}

// What was sent is what is stored; the field may have another text by now.
function captionSaved(form, sent) {
  const field = form.elements.caption;
  const before = field.defaultValue;
  field.defaultValue = sent;
  if (before.trim() && !sent.trim()) return captionRemoved(form, before);
  const note = form.querySelector(".saved");
  note.textContent = gettext("Saved");
  announce(gettext("Caption saved"));
  clearTimeout(note.timer);
  note.timer = setTimeout(() => {
    note.textContent = "";
  }, 2000);
}

// The form may be gone by then, with the drawer that it was in.
function captionRemoved(form, before) {
  const act = async () => {
    const answer = await fetch(form.action, {
      method: "POST",
      headers: { "X-CSRFToken": csrf(), "HX-Request": "true" },
      body: new URLSearchParams({ caption: before }),
    }).catch(() => null);
    if (!answer?.ok) return toast(gettext("That was not saved. Try again."));
    form.elements.caption.value = before;
    form.elements.caption.defaultValue = before;
    announce(gettext("Caption saved"));
  };
  toast(gettext("The caption was removed."), { label: gettext("Undo"), act });
}
