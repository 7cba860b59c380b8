// Uploading: the whole window takes files, folders and pastes, three at a time, and the card says
// what became of each until it can be found.
import { csrf } from "./page.js";

const AT_ONCE = 3;
const WATCHED = 6;
const REFRESH = 2500; // milliseconds between refreshes of the grid
const card = document.getElementById("uploads");
const badge = document.getElementById("uploads-badge");
const overlay = document.getElementById("drop");
const jobs = [];
let active = 0;
let minimised = false;

export function attachUploads() {
  if (!card) return;
  for (const id of ["pick-files", "pick-folder"]) {
    const input = document.getElementById(id);
    input.addEventListener("change", () => { add([...input.files]); input.value = ""; });
  }
  document.addEventListener("click", (event) => {
    const action = event.target.closest("[data-action]")?.dataset.action;
    if (action === "upload" || action === "upload-folder") {
      event.preventDefault();
      document.getElementById(action === "upload" ? "pick-files" : "pick-folder").click();
    }
  });
  card.querySelector('[data-uploads="minimise"]').addEventListener("click", () => { minimised = true; draw(); });
  card.querySelector('[data-uploads="close"]').addEventListener("click", close);
  card.querySelector('[data-uploads="skipped"]').addEventListener("click", saveSkipped);
  badge.addEventListener("click", () => { minimised = false; draw(); });
  attachDrop();
  addEventListener("beforeunload", (event) => { if (remaining()) event.preventDefault(); });
}

// --- where files come from ----------------------------------------------------------------------

function attachDrop() {
  let depth = 0;
  const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const show = (on) => { overlay.hidden = !on; if (!on) depth = 0; };
  addEventListener("dragenter", (event) => { if (carries(event)) { depth += 1; show(true); } });
  addEventListener("dragleave", () => { depth -= 1; if (depth <= 0) show(false); });
  addEventListener("dragover", (event) => { if (carries(event)) event.preventDefault(); });
  addEventListener("drop", async (event) => {
    show(false);
    if (!carries(event) || event.defaultPrevented) return;
    event.preventDefault();
    add(await dropped(event.dataTransfer));
  }, false);
  addEventListener("drop", () => show(false), true);
  addEventListener("paste", (event) => {
    if (event.defaultPrevented || event.target.matches("input, textarea")) return;
    if (event.clipboardData.files.length) add([...event.clipboardData.files]);
  });
}

async function dropped(data) {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...data.files];
  return (await Promise.all(entries.map(walk))).flat();
}

async function walk(entry) {
  if (entry.isFile) return [await new Promise((ok, no) => entry.file(ok, no)).catch(() => null)].filter(Boolean);
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    // A reader gives a hundred entries at most and must be asked until it gives none.
    const some = await new Promise((ok, no) => reader.readEntries(ok, no)).catch(() => []);
    if (!some.length) break;
    found.push(...(await Promise.all(some.map(walk))).flat());
  }
  return found;
}

// A folder holds more than pictures; what cannot be one is left out without a word.
const PICTURE = /\.(jpe?g|png|webp|gif|avif|tiff?|bmp|heic|heif)$/i;

function add(files) {
  const folder = files.some((file) => file.webkitRelativePath) || files.length > 20;
  const hidden = (file) => file.name.startsWith(".");
  const taken = folder ? files.filter((file) => !hidden(file) && (file.type.startsWith("image/") || PICTURE.test(file.name))) : files;
  for (const file of taken) jobs.push(newJob(file));
  if (taken.length) minimised = false;
  draw();
  next();
}

// --- one file -----------------------------------------------------------------------------------

function newJob(file) {
  const row = document.getElementById("upload-row").content.cloneNode(true).firstElementChild;
  row.querySelector(".name").textContent = file.name;
  const job = { file, row, state: "waiting", tries: 0 };
  say(job, "waiting", "Waiting");
  row.querySelector("button").addEventListener("click", () => { job.tries = 0; job.id ? retry(job) : requeue(job); });
  card.querySelector("ol").append(row);
  return job;
}

function next() {
  while (active < AT_ONCE) {
    const job = jobs.find((one) => one.state === "waiting");
    if (!job) return;
    active += 1;
    send(job).finally(() => { active -= 1; draw(); next(); });
  }
}

function requeue(job) {
  say(job, "waiting", "Waiting");
  draw();
  next();
}

function thumbnail(job) {
  if (job.thumb || !job.file.type.startsWith("image/")) return;
  job.thumb = new Image();
  job.thumb.alt = "";
  job.thumb.src = URL.createObjectURL(job.file);
  job.thumb.onload = () => URL.revokeObjectURL(job.thumb.src);
  job.thumb.onerror = () => job.thumb.remove();
  job.row.querySelector(".thumb").append(job.thumb);
}

async function send(job) {
  thumbnail(job);
  say(job, "sending", "Uploading");
  job.row.scrollIntoView({ block: "nearest" });
  draw();
  const answer = await post(job);
  const wait = Number(answer.retryAfter);
  if (answer.status === 0 || ((answer.status === 503 || answer.status === 429) && job.tries < 20)) {
    job.tries += 1;
    const seconds = wait || Math.min(2 ** job.tries, 30);
    say(job, "paused", answer.status ? "The gallery is busy, goes on in a moment" : "No connection, tried again in a moment");
    setTimeout(() => requeue(job), seconds * 1000);
  } else if (answer.status === 200 || answer.status === 201) {
    job.id = answer.body.id;
    job.url = answer.body.url;
    job.sent = performance.now();
    if (answer.body.restored) {
      link(job, "restored", "brought back from the trash → open");
      changed();
    } else if (answer.body.duplicate) link(job, "duplicate", "already here → open");
    else follow(job, answer.body);
  } else {
    if (answer.status === 401) location.reload();
    fail(job, answer.body?.message ?? "The upload failed.");
  }
}

function post(job) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    form.append("file", job.file, job.file.name);
    request.open("POST", "/api/v1/photos");
    request.responseType = "json";
    request.setRequestHeader("X-CSRFToken", csrf());
    const bar = job.row.querySelector("progress");
    request.upload.addEventListener("progress", (event) => { bar.value = event.loaded / event.total; });
    request.addEventListener("loadend", () => resolve({
      status: request.status, body: request.response, retryAfter: request.getResponseHeader("Retry-After"),
    }));
    request.send(form);
  });
}

// --- until it can be found ----------------------------------------------------------------------

function follow(job, photo) {
  say(job, "working", "Added, being made searchable");
  settle(job, photo);
  changed();
  if (!watching) watch();
}

function settle(job, photo) {
  if (photo.state === "indexed") {
    const seconds = (performance.now() - job.sent) / 1000;
    link(job, "done", `searchable after ${seconds.toFixed(1)} s`);
    compareSoon(job);
  } else if (photo.state === "failed") {
    fail(job, photo.message || "It could not be made searchable.");
  }
  return job.state !== "working";
}

// Asks for a few photos at a time, oldest first, because they are worked on in that order: a
// thousand uploads must not become a thousand questions.
let watching = false;
async function watch() {
  watching = true;
  for (let pause = 250; count("working"); ) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    const some = jobs.filter((job) => job.state === "working").slice(0, WATCHED);
    const settled = await Promise.all(some.map(async (job) => {
      const answer = await fetch(`/api/v1/photos/${job.id}`).catch(() => null);
      if (answer?.status === 404) fail(job, "The photo was deleted.");
      const photo = answer?.ok && (await answer.json().catch(() => null));
      return Boolean(photo && settle(job, photo));
    }));
    pause = settled.some(Boolean) ? 250 : Math.min(pause * 1.3, 3000);
    if (settled.some(Boolean)) changed();
  }
  watching = false;
  draw();
}

// --- what it looks like -------------------------------------------------------------------------

const LOOKS = [800, 2000, 4000, 8000, 16000]; // milliseconds after which it is asked again
const FEW = 60; // of more uploads than these, each is asked about only once at the end

function compareSoon(job, look = 0) {
  job.asking = LOOKS[look] !== undefined;
  if (!job.asking) return;
  const wait = jobs.length > FEW ? LOOKS.at(-1) : LOOKS[look];
  setTimeout(() => compareInTurn(job, jobs.length > FEW ? LOOKS.length : look + 1), wait);
}

// One question at a time, so that photos still being sent are not held up.
let turn = Promise.resolve();
function compareInTurn(job, look) {
  turn = turn.then(async () => {
    if (!jobs.includes(job)) return;
    const answer = await fetch(`/api/v1/photos/${job.id}/duplicates`).catch(() => null);
    const found = answer?.ok ? await answer.json().catch(() => []) : [];
    if (found.length) sayAlike(job, found[0], found.length);
    else if (answer?.status !== 404) compareSoon(job, look);
  });
}

function sayAlike(job, alike, count) {
  job.alike = true;
  const percent = Math.min(Math.floor(Number(alike.closeness) * 100), 99) || 0;
  const same = alike.kind === "same_picture";
  const which = same ? `the same picture as ${alike.photo.name}${alike.how ? ` (${alike.how})` : ""}`
    : `looks ${percent} % like ${alike.photo.name}`;
  const anchor = document.createElement("a");
  anchor.href = alike.group ? `/duplicates?group=${alike.group}` : `/photos/${job.id}/duplicates`;
  anchor.className = "alike";
  anchor.textContent = `${which}${count > 1 ? ` and ${count - 1} more` : ""} → compare`;
  job.row.querySelector(".outcome").append(" ", anchor);
  draw();
}

async function retry(job) {
  const body = new FormData();
  body.append("csrfmiddlewaretoken", csrf());
  await fetch(`/photos/${job.id}/retry`, { method: "POST", body, redirect: "manual" }).catch(() => null);
  job.sent = performance.now();
  follow(job, { state: "pending" });
}

function say(job, state, text) {
  job.state = state;
  job.row.className = state;
  job.row.querySelector(".outcome").replaceChildren(text);
  job.row.querySelector("button").hidden = state !== "error";
}

function link(job, state, text) {
  const anchor = document.createElement("a");
  anchor.href = job.url;
  anchor.textContent = text;
  say(job, state, anchor);
  draw();
}

function fail(job, why) {
  say(job, "error", why);
  draw();
}

// --- the card -----------------------------------------------------------------------------------

const count = (...states) => jobs.filter((job) => states.includes(job.state)).length;
const remaining = () => count("waiting", "sending", "paused");

function draw() {
  const left = remaining();
  const parts = [[count("working"), "in work"], [count("done"), "searchable"], [count("duplicate"), count("duplicate") === 1 ? "duplicate" : "duplicates"],
    [count("restored"), "from the trash"], [jobs.filter((job) => job.alike).length, "with look-alikes"], [count("error"), "failed"]];
  card.hidden = !jobs.length || minimised;
  badge.hidden = !jobs.length || !minimised;
  card.querySelector(".uploads-title").textContent = left ? `Uploading, ${left} left`
    : count("working") ? "Making searchable" : count("error") === jobs.length ? "Not uploaded" : "Done";
  card.querySelector(".uploads-counts").textContent = parts.filter(([n]) => n).map(([n, what]) => `${n} ${what}`).join(" · ");
  badge.querySelector(".remaining").textContent = left || "";
  badge.querySelector(".errors").textContent = count("error");
  badge.querySelector(".errors").hidden = !count("error");
  card.querySelector('[data-uploads="close"]').hidden = left > 0;
  const notStored = skipped().length;
  card.querySelector("footer").hidden = !notStored || left > 0;
  card.querySelector(".skipped-count").textContent = notStored === 1 ? "1 file skipped" : `${notStored} files skipped`;
}

// --- what was skipped ---------------------------------------------------------------------------

const skipped = () => jobs.filter((job) => ["duplicate", "error"].includes(job.state));

// A cell that begins like a formula is kept from being one in a spreadsheet.
const cell = (text) => `"${text.replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`;

function saveSkipped() {
  const rows = skipped().map((job) => [
    job.file.webkitRelativePath || job.file.name,
    job.state === "duplicate" ? "already here" : job.row.querySelector(".outcome").textContent,
    job.state === "duplicate" ? new URL(job.url, location.href).href : "",
  ]);
  const lines = [["file", "why", "photo"], ...rows].map((row) => row.map(cell).join(","));
  const link = document.createElement("a");
  // The mark at the beginning tells spreadsheets that names are in UTF-8.
  link.href = URL.createObjectURL(new Blob(["\ufeff", lines.join("\r\n"), "\r\n"], { type: "text/csv" }));
  link.download = "skipped files.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function close() {
  for (const job of jobs.splice(0)) job.row.remove();
  draw();
}

// The grid shows what arrived without a reload, as long as nobody has scrolled away from its top.
let timer;
let refreshed = 0;
function changed() {
  if (timer) return;
  timer = setTimeout(() => {
    timer = null;
    refreshed = performance.now();
    htmx.trigger(document.body, "scry:changed");
    if (location.pathname === "/" && !location.search && scrollY < 600 && !document.body.classList.contains("selecting") && !document.querySelector("#photos .opened")) {
      htmx.ajax("GET", "/", { target: "#photos", select: "#photos", swap: "outerHTML" });
    }
  }, Math.max(600, refreshed + REFRESH - performance.now()));
}
