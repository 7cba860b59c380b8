// The upload card: one row for each file, totals, and the list of skipped files.
import { gettext, ngettext, number } from "../page/language.js";
import { pathOf } from "./companions.js";
import { forgetUnsent, isToldUnsent } from "./unsent.js";

const card = document.getElementById("uploads");
const badge = document.getElementById("uploads-badge");
export const jobs = [];
let minimised = false;
// Other pages pause with this one.
const PAUSED = "scry-uploads-paused";

const count = (...states) => jobs.filter((job) => states.includes(job.state)).length;
const UNSENT = ["waiting", "sending", "paused"];
export const isUnsent = (job) => UNSENT.includes(job.state);
export const remaining = () => count(...UNSENT);
export const isHalted = () => localStorage.getItem(PAUSED) === "1";
export const endPause = () => localStorage.removeItem(PAUSED);
export const working = () => jobs.filter((job) => job.state === "working");

// Calls onResume() when uploads that were paused go on, and onClose(jobs) with those that are told no more.
export function attachCard({ onResume, onClose }) {
  const on = (button, action) => card.querySelector(`[data-uploads="${button}"]`).addEventListener("click", action);
  on("pause", () => {
    if (isHalted()) endPause();
    else localStorage.setItem(PAUSED, "1");
    draw();
    if (!isHalted()) onResume();
  });
  on("minimise", () => minimise(true));
  on("close", () => onClose(close()));
  on("skipped", saveSkipped);
  badge.addEventListener("click", () => minimise(false));
}

export function minimise(on) {
  minimised = on;
  draw();
}

function close() {
  const gone = jobs.splice(0);
  for (const job of gone) job.row.remove();
  forgetUnsent();
  draw();
  return gone;
}

// --- one row ---

// `job` has a file, and gets what the card needs.
export function addRow(job, onRetry, onCancel) {
  const row = document.getElementById("upload-row").content.cloneNode(true).firstElementChild;
  const { name } = job.file;
  row.querySelector(".name").textContent = name;
  Object.assign(job, { row, tries: 0, refusals: 0, isLasting: false });
  setState(job, "waiting", gettext("Waiting"));
  row.querySelector(".retry").addEventListener("click", () => onRetry(job));
  row.querySelector(".cancel").ariaLabel = gettext("Do not upload %(name)s", { name });
  row.querySelector(".cancel").addEventListener("click", () => onCancel(job));
  card.querySelector("ol").append(row);
  jobs.push(job);
}

// `text` may be an element as well.
export function setState(job, state, text) {
  job.state = state;
  job.row.className = state;
  job.row.querySelector(".outcome").replaceChildren(text);
  job.row.querySelector(".retry").hidden = state !== "error" || job.isLasting;
  job.row.querySelector(".cancel").hidden = !isUnsent(job);
}

export function removeRow(job) {
  const next = job.row.nextElementSibling ?? job.row.previousElementSibling;
  const hadFocus = job.row.contains(document.activeElement);
  jobs.splice(jobs.indexOf(job), 1);
  job.row.remove();
  draw();
  if (hadFocus) (next?.querySelector("button:not([hidden])") ?? badge).focus();
}

export function setLink(job, state, text) {
  const anchor = document.createElement("a");
  anchor.href = job.url;
  anchor.textContent = text;
  setState(job, state, anchor);
  draw();
}

// Another try cannot help where the file itself is at fault, as its reason (`code`) tells, or the request is,
// unless the account was full.
export function setError(job, why, { code = "", status = 0 } = {}) {
  const isRefusal = status >= 400 && status < 500 && ![408, 429].includes(status) && code !== "quota_full";
  job.isLasting = isRefusal || card.dataset.lasting.split(" ").includes(code);
  setState(job, "error", why);
  draw();
}

export function addThumbnail(job) {
  if (job.thumb || !job.file.type.startsWith("image/")) return;
  job.thumb = new Image();
  job.thumb.alt = "";
  job.thumb.src = URL.createObjectURL(job.file);
  job.thumb.onload = () => URL.revokeObjectURL(job.thumb.src);
  job.thumb.onerror = () => job.thumb.remove();
  job.row.querySelector(".thumb").append(job.thumb);
}

// The gallery shows what the browser cannot: HEIC and RAW, and what came before the page was loaded.
export function showThumbnail(job) {
  if (job.thumb?.isConnected) return;
  job.thumb = new Image();
  job.thumb.alt = "";
  job.thumb.src = `${job.url}/thumbnail`;
  job.row.querySelector(".thumb").append(job.thumb);
}

// --- the whole card ---

export function draw() {
  const left = remaining();
  card.hidden = (!jobs.length && !isToldUnsent()) || minimised;
  badge.hidden = (!jobs.length && !isToldUnsent()) || !minimised;
  card.querySelector(".uploads-title").textContent = titleText(left);
  card.querySelector(".uploads-counts").textContent = countTexts().join(" · ");
  badge.querySelector(".remaining").textContent = left || "";
  badge.querySelector(".errors").textContent = count("error");
  badge.querySelector(".errors").hidden = !count("error");
  card.querySelector('[data-uploads="close"]').hidden = left > 0;
  const pause = card.querySelector('[data-uploads="pause"]');
  pause.hidden = !left && !isHalted();
  pause.setAttribute("aria-pressed", isHalted());
  const skipped = skippedJobs().length;
  card.querySelector("footer").hidden = !skipped || left > 0;
  const skippedText = ngettext("%(count)s file skipped", "%(count)s files skipped", skipped);
  card.querySelector(".skipped-count").textContent = skippedText;
}

function titleText(left) {
  if (!jobs.length) return gettext("Not uploaded");
  if (left && isHalted()) return gettext("Paused, %(count)s left", { count: number(left) });
  if (left) return gettext("Uploading, %(count)s left", { count: number(left) });
  if (count("working")) return gettext("Making searchable");
  return count("error") === jobs.length ? gettext("Not uploaded") : gettext("Done");
}

function countTexts() {
  const lookalikes = jobs.filter((job) => job.lookalike).length;
  const counts = [
    [count("working"), (n) => ngettext("%(count)s in progress", "%(count)s in progress", n)],
    [count("done"), (n) => ngettext("%(count)s searchable", "%(count)s searchable", n)],
    [count("added"), (n) => ngettext("%(count)s added to the album", "%(count)s added to the album", n)],
    [count("duplicate"), (n) => ngettext("%(count)s duplicate", "%(count)s duplicates", n)],
    [count("kept"), (n) => ngettext("%(count)s kept with a photo", "%(count)s kept with their photos", n)],
    [count("restored"), (n) => ngettext("%(count)s from the trash", "%(count)s from the trash", n)],
    [lookalikes, (n) => ngettext("%(count)s with look-alikes", "%(count)s with look-alikes", n)],
    [count("error"), (n) => ngettext("%(count)s failed", "%(count)s failed", n)],
  ];
  return counts.filter(([n]) => n).map(([n, text]) => text(n));
}

// --- the list of skipped files ---

const skippedJobs = () => jobs.filter((job) => ["duplicate", "error"].includes(job.state));

// The quote keeps a spreadsheet from reading a cell as a formula.
const cell = (text) => `"${text.replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`;

function skippedRow(job) {
  const name = pathOf(job.file) || job.file.name;
  if (job.state !== "duplicate") return [name, job.row.querySelector(".outcome").textContent, ""];
  return [name, gettext("already here"), new URL(job.url, location.href).href];
}

function saveSkipped() {
  const rows = [[gettext("file"), gettext("reason"), gettext("photo")], ...skippedJobs().map(skippedRow)];
  const lines = rows.map((row) => row.map(cell).join(","));
  const link = document.createElement("a");
  // The byte order mark tells spreadsheets that the file is UTF-8.
  link.href = URL.createObjectURL(new Blob(["\ufeff", lines.join("\r\n"), "\r\n"], { type: "text/csv" }));
  link.download = gettext("skipped files.csv");
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
