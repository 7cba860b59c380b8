// The trash page: selects all or a range, shows how much is selected, and asks before photos are
// deleted permanently. Without scripts the gallery asks on a separate page.
import { photos, size } from "../page/amounts.js";
import { confirmed } from "../page/confirmation.js";
import { isTyping } from "../page/fields.js";
import { gettext, ngettext } from "../page/language.js";

const form = document.getElementById("trash");
const all = document.getElementById("trash-all");
const boxes = () => [...form.querySelectorAll('input[name="photo"]')];
const chosen = () => boxes().filter((box) => box.checked);
let last = null;

form.addEventListener("click", (event) => {
  const box = event.target.closest('input[name="photo"]');
  if (!box) return;
  if (event.shiftKey && last) range(last, box);
  last = box;
  show();
});
all.addEventListener("change", () => {
  for (const box of boxes()) box.checked = all.checked;
  show();
});
document.addEventListener("submit", ask);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Delete" || !chosen().length || document.querySelector("dialog[open]")) return;
  if (isTyping(event)) return;
  form.querySelector("[data-needs-some].danger").click();
});
addEventListener("pageshow", show);

function range(from, to) {
  const every = boxes();
  const [start, end] = [every.indexOf(from), every.indexOf(to)].sort((a, b) => a - b);
  for (const box of every.slice(start, end + 1)) box.checked = to.checked;
}

function weight() {
  return size(chosen().reduce((sum, box) => sum + Number(box.dataset.bytes), 0));
}

function show() {
  const number = chosen().length;
  form.querySelector(".trash-count").textContent = number
    ? gettext("%(photos)s chosen, %(size)s", { photos: photos(number), size: weight() })
    : gettext("Choose photos");
  for (const button of form.querySelectorAll("[data-needs-some]")) button.disabled = number === 0;
  all.checked = number > 0 && number === boxes().length;
  all.indeterminate = number > 0 && !all.checked;
}

async function ask(event) {
  const button = event.submitter;
  if (!button?.dataset.ask || button.dataset.sure) return;
  event.preventDefault();
  const text =
    button.dataset.askText ??
    ngettext(
      "%(count)s photo will be deleted for ever, which frees %(size)s. This cannot be undone.",
      "%(count)s photos will be deleted for ever, which frees %(size)s. This cannot be undone.",
      chosen().length,
      { size: weight() },
    );
  if (!(await confirmed(button.dataset.ask, text, button.dataset.askYes))) return;
  const sure = document.createElement("input");
  sure.type = "hidden";
  sure.name = "sure";
  sure.value = "1";
  event.target.append(sure);
  button.dataset.sure = "yes";
  event.target.requestSubmit(button);
}
