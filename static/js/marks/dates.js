// The dialog that corrects dates: of the selected photos, or of the one beside whose date it was opened.
import { request } from "../page/api.js";
import { gettext, ngettext } from "../page/language.js";
import { toast } from "../page/notices.js";
import { reloadGrid } from "../trash/deletion.js";

const DATES = "/api/v1/photos/dates";
const AT_ONCE = 10000; // photos in one request
const PAUSE_MS = 250; // without a key, before the preview is asked for
const UNDO_MS = 12000; // as long as its toast is shown, see .toast in layout.css
const LEFT_BEHIND = "scry-undo-dates";
const UNITS = ["years", "days", "hours", "minutes"];

const dialog = document.getElementById("dates");
const form = dialog?.querySelector("form");
let photoIds = [];
let timer = null;
let asked = 0;

export function attachDates() {
  if (!dialog) return;
  // The viewer lets no click in its details through.
  document.addEventListener("click", onClick, true);
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(preview, PAUSE_MS);
  });
  form.addEventListener("submit", save);
  document.addEventListener("focusin", (event) => event.target.matches('[list="known-zones"]') && listZones());
  offerAgain();
}

function onClick(event) {
  const button = event.target.closest("[data-dates]");
  if (!button || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (button.dataset.dates === "close") return dialog.close();
  askForDate([button.dataset.dates], button.dataset.wall);
}

// `wall` is the local time of a single photo.
export function askForDate(ids, wall = "") {
  if (!ids.length) return;
  photoIds = ids;
  form.reset();
  [form.elements.day.value, form.elements.clock.value = ""] = wall.split("T");
  const title = ngettext("Correct the date of %(count)s photo", "Correct the dates of %(count)s photos", ids.length);
  dialog.querySelector("h2").textContent = title;
  say("");
  dialog.showModal();
}

function listZones() {
  const list = document.getElementById("known-zones");
  if (list.children.length || !Intl.supportedValuesOf) return;
  list.append(...Intl.supportedValuesOf("timeZone").map((name) => new Option(name, name)));
}

// Below the fields: what would happen, or the problem.
function say(text, problem = "") {
  dialog.querySelector(".date-preview").textContent = text;
  const line = dialog.querySelector(".field-error");
  line.textContent = problem;
  line.hidden = !problem;
}

const typed = (name) => form.elements[name].value.trim();

// What the form says, as the API takes it; null while something is missing.
function correction() {
  const what = typed("what");
  if (what === "set") {
    const local = typed("clock") ? `${typed("day")}T${typed("clock")}` : typed("day");
    return typed("day") ? { set: { local, zone: typed("zone") } } : null;
  }
  if (what === "shift") return shift();
  if (what === "zone") return typed("to_zone") ? { set: { zone: typed("to_zone"), keep: typed("keep") } } : null;
  return { [what]: true };
}

function shift() {
  const sign = typed("direction") === "earlier" ? -1 : 1;
  const amounts = UNITS.map((unit) => [unit, sign * Math.round(Number(typed(unit)))]);
  return amounts.some(([, amount]) => amount) ? { shift: Object.fromEntries(amounts) } : null;
}

// Resolves to the answers to as few requests as possible, and the problem that stopped them, if any.
async function send(path, said) {
  const answers = [];
  for (let at = 0; at < photoIds.length; at += AT_ONCE) {
    const answer = await request("POST", path, { ids: photoIds.slice(at, at + AT_ONCE), ...said });
    if (!answer.ok) return { answers, problem: answer.why };
    answers.push(answer.said);
  }
  return { answers };
}

async function preview() {
  asked += 1;
  const mine = asked;
  const said = correction();
  if (!said) return say("");
  const { answers, problem } = await send(`${DATES}/preview`, said);
  if (mine === asked) say(answers.map((answer) => answer.message).join(" "), problem);
}

async function save(event) {
  event.preventDefault();
  clearTimeout(timer);
  asked += 1;
  const said = correction();
  if (!said) return say("", gettext("Enter a date, a time zone, or by how much the dates should change."));
  const { answers, problem } = await send(DATES, said);
  const undo = answers.map((answer) => answer.undo).filter(Boolean);
  if (problem) return say("", problem);
  dialog.close();
  const changed = answers.reduce((sum, answer) => sum + answer.changed, 0);
  if (!changed) return toast(gettext("No date changed."));
  show(ngettext("%(count)s date corrected", "%(count)s dates corrected", changed), undo);
}

// The grid is drawn anew, because photos have moved to other days. An open lightbox stays until it is closed.
function show(text, undo) {
  sessionStorage.setItem(LEFT_BEHIND, JSON.stringify({ text, undo, until: Date.now() + UNDO_MS }));
  if (document.querySelector(".pswp")) offerAgain();
  document.dispatchEvent(new CustomEvent("scry:dated"));
  reloadGrid();
}

function offerAgain() {
  const { text, undo, until } = JSON.parse(sessionStorage.getItem(LEFT_BEHIND) ?? "{}");
  const remaining = until - Date.now();
  if (!(remaining > 1000)) return sessionStorage.removeItem(LEFT_BEHIND);
  const forget = () => sessionStorage.removeItem(LEFT_BEHIND);
  const action = { label: gettext("Undo"), act: () => forget() ?? takeBack(undo), over: forget };
  toast(text, undo.length ? action : null).style.setProperty("--shown", `${remaining}ms`);
}

async function takeBack(batches) {
  for (const batch of batches) {
    const answer = await request("POST", `${DATES}/undo`, { undo: batch });
    if (!answer.ok) return toast(gettext("That was not undone. Try again."));
  }
  show(gettext("The former dates are back"), []);
}
