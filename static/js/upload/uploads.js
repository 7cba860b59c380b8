// Uploads files three at a time, and follows each of them until it is searchable.
import { csrf } from "../page/api.js";
import { gettext } from "../page/language.js";
import {
  addRow,
  addThumbnail,
  attachCard,
  draw,
  isHalted,
  jobs,
  minimise,
  remaining,
  removeRow,
  setError,
  setLink,
  setState,
  working,
} from "./card.js";
import { isCompanion, picturesBeside } from "./companions.js";
import { attachFiles } from "./files.js";
import { lookForLookalikes } from "./lookalikes.js";
import { isWaiting, regained } from "./session.js";
import { attachShared, forgetShared } from "./shared.js";
import { forgetUnsent, rememberUnsent, tellUnsent } from "./unsent.js";

const AT_ONCE = 3;
const WATCHED = 6;
const REFRESH = 2500; // milliseconds between refreshes of the grid
const REFUSALS = 3; // how often one file may be refused before something else must be wrong
let active = 0;
let finish = follow;

// `onUploaded(job, photo)` says what is done with a photo that was taken in, or was here already;
// without it, the photo is followed until it is searchable.
export function attachUploads({ onUploaded = null } = {}) {
  if (!document.getElementById("uploads")) return;
  if (onUploaded) finish = onUploaded;
  attachCard(sendNext);
  rememberUnsent(remaining);
  if (tellUnsent()) draw();
  attachFiles(add);
  attachShared(add);
  addEventListener("beforeunload", (event) => {
    if (remaining()) event.preventDefault();
  });
  addEventListener("scry:signed-out", (event) => {
    if (!remaining()) return;
    event.preventDefault();
    waitForSession();
  });
}

function add(files) {
  for (const file of files) addRow(file, retry, cancel);
  if (files.length) forgetUnsent();
  if (files.length) minimise(false);
  else draw();
  sendNext();
}

// Only what has not been sent whole can be taken back; its row has no button for that afterwards.
function cancel(job) {
  job.isCancelled = true;
  job.request?.abort();
  if (job.state !== "sending") removeRow(job);
}

function retry(job) {
  job.tries = 0;
  job.refusals = 0;
  if (job.id) indexAgain(job);
  else requeue(job);
}

// --- sending ---

function sendNext() {
  while (active < AT_ONCE && !isWaiting() && !isHalted()) {
    const job = nextJob();
    if (!job) return;
    active += 1;
    send(job).finally(() => {
      active -= 1;
      draw();
      sendNext();
    });
  }
}

// A file that belongs to a picture waits until all pictures are here.
function nextJob() {
  const left = jobs.filter(({ state }) => ["waiting", "sending", "paused"].includes(state));
  const pictures = left.filter(({ file }) => !isCompanion(file));
  return (pictures.length ? pictures : left).find(({ state }) => state === "waiting");
}

function requeue(job) {
  setState(job, "waiting", gettext("Waiting"));
  draw();
  sendNext();
}

async function send(job) {
  addThumbnail(job);
  setState(job, "sending", gettext("Uploading"));
  job.row.scrollIntoView({ block: "nearest" });
  draw();
  const answer = await post(job);
  if (job.isCancelled && answer.status === 0) return removeRow(job);
  const busy = answer.status === 503 || answer.status === 429;
  if (answer.status === 0 || (busy && job.tries < 20)) {
    pause(job, answer);
  } else if (isRefused(answer) && job.refusals < REFUSALS) {
    job.refusals += 1;
    job.row.querySelector("progress").value = 0;
    setState(job, "waiting", gettext("Waiting"));
    waitForSession();
  } else if (answer.status === 200 || answer.status === 201) {
    forgetShared(job.file);
    await uploaded(job, answer.body);
  } else {
    setError(job, answer.body?.message ?? gettext("The upload failed."), answer.body?.code);
  }
}

// The session has ended, or is another one: without it, with a new token, or of another account.
const isRefused = ({ status, body }) => [401, 403].includes(status) || body?.code === "other_account";

function waitForSession() {
  minimise(false);
  regained().then(sendNext);
}

function post(job) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    if (isCompanion(job.file)) form.append("beside", JSON.stringify(picturesBeside(job.file, jobs)));
    form.append("file", job.file, job.file.name);
    request.open("POST", `/api/v1/photos?owner=${document.body.dataset.user}`);
    request.responseType = "json";
    request.upload.addEventListener("load", () => {
      job.row.querySelector(".cancel").hidden = true;
    });
    request.setRequestHeader("X-CSRFToken", csrf());
    job.request = request;
    const bar = job.row.querySelector("progress");
    request.upload.addEventListener("progress", (event) => {
      bar.value = event.loaded / event.total;
    });
    request.addEventListener("loadend", () =>
      resolve({
        status: request.status,
        body: request.response,
        retryAfter: Number(request.getResponseHeader("Retry-After")),
      }),
    );
    request.send(form);
  });
}

function pause(job, { status, body, retryAfter }) {
  job.tries += 1;
  const seconds = retryAfter || Math.min(2 ** job.tries, 30);
  const text = status
    ? gettext("The gallery is busy. The upload will be retried.")
    : gettext("No connection. The upload will be retried.");
  setState(job, "paused", body?.code === "originals_away" ? body.message : text);
  setTimeout(() => !job.isCancelled && requeue(job), seconds * 1000);
}

function uploaded(job, photo) {
  job.id = photo.id;
  job.url = photo.url;
  job.sent = performance.now();
  if (photo.companion_of) {
    setLink(job, "kept", gettext("kept with %(name)s", { name: photo.name }));
  } else if (finish !== follow) {
    return finish(job, photo);
  } else if (photo.restored) {
    setLink(job, "restored", gettext("restored from the trash → open"));
    refreshSoon();
  } else if (photo.duplicate) {
    setLink(job, "duplicate", gettext("already here → open"));
  } else {
    follow(job, photo);
  }
}

// --- until it is searchable ---

function follow(job, photo) {
  setState(job, "working", gettext("Uploaded, being made searchable"));
  settle(job, photo);
  refreshSoon();
  if (!watching) watch();
}

// Returns whether the photo is searchable or has failed.
function settle(job, photo) {
  if (photo.state === "indexed") {
    const seconds = ((performance.now() - job.sent) / 1000).toFixed(1);
    const cut = photo.flaw === "cut_short" && gettext("searchable, but the end of the file is missing");
    setLink(job, "done", cut || gettext("searchable after %(seconds)s s", { seconds }));
    lookForLookalikes(job);
  } else if (photo.state === "failed") {
    setError(job, photo.message || gettext("It could not be made searchable."), photo.reason);
  }
  return job.state !== "working";
}

// Asks about a few photos at a time, oldest first, because that is the order of the workers. A
// thousand uploads must not become a thousand requests.
let watching = false;
async function watch() {
  watching = true;
  for (let pause = 250; working().length; ) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    const settled = await Promise.all(working().slice(0, WATCHED).map(check));
    pause = settled.some(Boolean) ? 250 : Math.min(pause * 1.3, 3000);
    if (settled.some(Boolean)) refreshSoon();
  }
  watching = false;
  draw();
}

async function check(job) {
  if (isWaiting()) return false;
  const answer = await fetch(`/api/v1/photos/${job.id}`).catch(() => null);
  if (answer?.status === 404) setError(job, gettext("The photo was deleted."));
  const photo = answer?.ok && (await answer.json().catch(() => null));
  return Boolean(photo && settle(job, photo));
}

async function indexAgain(job) {
  const body = new FormData();
  body.append("csrfmiddlewaretoken", csrf());
  await fetch(`/photos/${job.id}/retry`, { method: "POST", body, redirect: "manual" }).catch(() => null);
  job.sent = performance.now();
  follow(job, { state: "pending" });
}

// --- the grid ---

// The grid shows new photos without a reload while it is at its top and nothing is selected or open.
const isGridIdle = () =>
  location.pathname === "/" &&
  !location.search &&
  scrollY < 600 &&
  !document.body.classList.contains("selecting") &&
  !document.querySelector("#photos .opened");

let timer = null;
let refreshed = 0;
function refreshSoon() {
  if (!timer) timer = setTimeout(refresh, Math.max(600, refreshed + REFRESH - performance.now()));
}

function refresh() {
  timer = null;
  refreshed = performance.now();
  globalThis.htmx?.trigger(document.body, "scry:changed");
  if (isGridIdle()) htmx.ajax("GET", "/", { target: "#photos", select: "#photos", swap: "outerHTML" });
}
