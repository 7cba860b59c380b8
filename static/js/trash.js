// The trash page: choosing all or a range, saying how much is chosen, and asking before photos
// go for ever. Without it the page works too; the gallery then asks on a page of its own.
import { confirmed, photos, size } from "./page.js";

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
  if (event.target.matches("input:not([type=checkbox])")) return;
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
  form.querySelector(".trash-count").textContent = number ? `${photos(number)} chosen, ${weight()}` : "Choose photos";
  for (const button of form.querySelectorAll("[data-needs-some]")) button.disabled = number === 0;
  all.checked = number > 0 && number === boxes().length;
  all.indeterminate = number > 0 && !all.checked;
}

async function ask(event) {
  const button = event.submitter;
  if (!button?.dataset.ask || button.dataset.sure) return;
  event.preventDefault();
  const text = button.dataset.askText
    ?? `${photos(chosen().length)} will be deleted for ever, and ${weight()} become free. This cannot be undone.`;
  if (!(await confirmed(button.dataset.ask, { text, yes: button.dataset.askYes }))) return;
  const sure = document.createElement("input");
  sure.type = "hidden";
  sure.name = "sure";
  sure.value = "1";
  event.target.append(sure);
  button.dataset.sure = "yes";
  event.target.requestSubmit(button);
}
