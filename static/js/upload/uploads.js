// Uploads files three at a time. The browser keeps those that are not sent yet, so that any page of the
// gallery goes on with them.
import { gettext } from "../page/language.js";
import {
  addRow,
  addThumbnail,
  attachCard,
  draw,
  endPause,
  isHalted,
  isUnsent,
  jobs,
  minimise,
  remaining,
  removeRow,
  setError,
  setLink,
  setState,
  showThumbnail,
} from "./card.js";
import { isCompanion } from "./companions.js";
import { attachFiles } from "./files.js";
import { follow, indexAgain, refreshSoon } from "./follow.js";
import { joinAlbum } from "./join_album.js";
import { allKept, forget, hasKept, keep, newKey } from "./kept.js";
import { hearOtherPages, tellOtherPages } from "./other_pages.js";
import { isWaiting, regained } from "./session.js";
import { attachShared, forgetShared } from "./shared.js";
import { takeBack, transfer } from "./transfer.js";
import { giveTurn, hasTurn, leaveLine, takeTurn } from "./turn.js";
import { crossOff, rememberUnsent, tellUnsent } from "./unsent.js";

const AT_ONCE = 3;
const LINE_MS = 1000;
const REFUSALS = 3; // how often one file may be refused before something else must be wrong
const SOON = [429, 502, 503, 504]; // answers after which the same request may succeed
const AGAIN = ["unknown_upload", "wrong_offset", "upload_in_use"]; // as are these, of pieces
let active = 0;
let isYielding = false;
let isSigningOut = false;
const sentBefore = []; // pictures that another page sent, whose sidecars are still to come

// With `addTo`, the address of somebody else's album, photos are added to that, too.
export function attachUploads({ addTo = "" } = {}) {
  if (!document.getElementById("uploads")) return;
  const add = (files) => addFiles(files, addTo);
  attachCard({ onResume: sendNext, onClose: (gone) => gone.forEach(forget) });
  hearOtherPages(onTold);
  rememberUnsent(() => unkept().map(({ file }) => file.name));
  if (tellUnsent()) draw();
  attachFiles(add);
  attachShared(add);
  attachLeaving();
  goOnIfKept();
  addEventListener("pagehide", () => {
    jobs.filter((job) => isUnsent(job) && job.isKept).forEach(leaveToOthers);
    leaveLine();
  });
  addEventListener("pageshow", (event) => event.persisted && goOnIfKept());
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && goOnIfKept());
}

function attachLeaving() {
  document.addEventListener("submit", ({ target }) => {
    isSigningOut = target.getAttribute("action") === "/sign-out";
  });
  addEventListener("beforeunload", (event) => {
    if (isSigningOut ? remaining() : unkept().length) event.preventDefault();
  });
  addEventListener("scry:signed-out", (event) => {
    if (!remaining()) return;
    event.preventDefault();
    waitForSession();
  });
}

const unkept = () => jobs.filter((job) => isUnsent(job) && !job.isKept);

function addFiles(files, addTo) {
  for (const file of files) {
    const job = { key: newKey(), file, addTo };
    addRow(job, retry, cancel);
    keepInTurn(job);
  }
  crossOff(files);
  if (files.length) minimise(false);
  else draw();
  begin();
}

// --- what the browser keeps ---

// One after another: each is copied.
let keeping = Promise.resolve();
function keepInTurn(job) {
  keeping = keeping.then(async () => {
    if (!isUnsent(job) || job.isCancelled) return;
    job.isKept = await keep(job);
    if (!job.isKept) return;
    if (job.isCancelled) return forget(job);
    job.isElsewhere = isUnsent(job) && !hasTurn();
    if (isUnsent(job)) await forgetShared(job.file);
    else if (job.state !== "error") await forget(job);
  });
}

const begin = () => takeTurn(goOn, yieldTurn);

async function goOnIfKept() {
  if (hasLeft() || (await hasKept())) begin();
}

const hasLeft = () => jobs.some((job) => job.isElsewhere && isUnsent(job));

// This page has its turn: it sends what others left.
async function goOn() {
  isYielding = false;
  const kept = await allKept();
  if (!hasTurn() || isYielding) return; // Another page has asked for it meanwhile.
  showSentElsewhere(new Map(kept.map((record) => [record.key, record])));
  const known = new Set([...jobs, ...sentBefore].map(({ key }) => key));
  const others = kept.filter(({ key }) => !known.has(key));
  if (!jobs.length && others.length) minimise(true);
  for (const { photo, problem, ...job } of others) {
    if (photo) sentBefore.push({ ...job, id: photo });
    else addRow(Object.assign(job, { isKept: true }), retry, cancel);
    if (problem) setError(job, problem.why, problem);
  }
  draw();
  sendNext();
}

// Files left to another page: most were reported already. If one is no longer kept, that page dealt with it.
function showSentElsewhere(kept) {
  for (const job of jobs.filter((each) => each.isElsewhere && each.state === "waiting")) {
    const record = kept.get(job.key);
    job.isElsewhere = false;
    if (record?.problem) setError(job, record.problem.why, record.problem);
    else if (record && !record.photo) {
      job.upload = record.upload;
      setState(job, "waiting", gettext("Waiting"));
    } else setState(job, "done", gettext("uploaded in another tab"));
  }
}

// What the page that sends tells of a file. One that failed there may have been tried again.
function onTold({ key, photo, problem, isCancelled }) {
  const job = jobs.find((each) => each.key === key && (isUnsent(each) || each.state === "error"));
  if (!job) return;
  if (isCancelled) return mayCancel(job) && cancel(job, { isTold: true });
  if (!job.isElsewhere && job.state !== "error") return;
  job.isElsewhere = false;
  if (problem) return setError(job, problem.why, problem);
  Object.assign(job, { id: photo.id, url: photo.url, sent: performance.now() });
  if (job.addTo) setLink(job, "added", gettext("added to the album → open"));
  else finish(job, photo);
  draw();
}

// Its button is gone once all of a file is sent: the gallery has it, whatever is said here.
const mayCancel = (job) => isUnsent(job) && !job.row.querySelector(".cancel").hidden;

// Another page is looked at now. Small files are sent to their end, large ones go on there.
function yieldTurn() {
  isYielding = true;
  for (const job of jobs) if (job.state === "sending" && job.upload && job.isKept) job.stop?.();
  endTurn();
}

function endTurn() {
  if (active || !hasTurn() || (remaining() && !isYielding)) return;
  if (isYielding) jobs.filter((job) => isUnsent(job) && job.isKept).forEach(leaveToOthers);
  else forgetAllSent();
  giveTurn();
  // The turn comes back when the page that asked for it ends; by then that stands in the line.
  if (unkept().length || hasLeft()) setTimeout(() => takeTurn(goOn, yieldTurn, { asks: false }), LINE_MS);
}

function leaveToOthers(job) {
  job.isElsewhere = true;
  setState(job, "waiting", gettext("Being uploaded in another tab"));
}

function forgetAllSent() {
  for (const job of sentBefore.splice(0)) forget(job);
  endPause();
}

// --- the queue ---

// Only what has not been sent whole can be taken back; its row has no button for that afterwards.
function cancel(job, { isTold = false } = {}) {
  job.isCancelled = true;
  if (!isTold) tellOtherPages({ key: job.key, isCancelled: true });
  forget(job);
  job.stop?.();
  if (job.state === "sending") return;
  takeBack(job);
  removeRow(job);
  endTurn();
}

function retry(job) {
  job.tries = 0;
  job.refusals = 0;
  if (job.id && job.addTo) finish(job);
  else if (job.id) indexAgain(job);
  else {
    if (job.isKept) keep(job); // without its problem
    requeue(job);
  }
}

function sendNext() {
  while (active < AT_ONCE && hasTurn() && !isYielding && !isWaiting() && !isHalted()) {
    const job = nextJob();
    if (!job) break;
    active += 1;
    send(job).finally(() => {
      active -= 1;
      draw();
      sendNext();
    });
  }
  endTurn();
}

// A file that belongs to a picture waits until all pictures are here.
function nextJob() {
  const left = jobs.filter(isUnsent);
  const pictures = left.filter(({ file }) => !isCompanion(file));
  return (pictures.length ? pictures : left).find(({ state }) => state === "waiting");
}

function requeue(job) {
  setState(job, "waiting", gettext("Waiting"));
  draw();
  if (hasTurn()) sendNext();
  else begin();
}

// --- one file ---

async function send(job) {
  addThumbnail(job);
  job.isElsewhere = false;
  setState(job, "sending", gettext("Uploading"));
  job.row.scrollIntoView({ block: "nearest" });
  draw();
  const answer = await transfer(job, [...jobs, ...sentBefore], () => job.isKept && keep(job));
  if (job.isElsewhere && answer.status === 0) return; // The page was left, and Back led to it again.
  if (job.isCancelled && answer.status === 0) {
    takeBack(job);
    removeRow(job);
  } else if (isYielding && answer.status === 0) {
    setState(job, "waiting", gettext("Waiting"));
  } else if (mayHelp(job, answer)) {
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
    await failed(job, answer);
  }
}

function mayHelp(job, { status, body }) {
  const isAgain = AGAIN.includes(body?.code);
  if (body?.code === "unknown_upload") job.upload = "";
  return status === 0 || ((SOON.includes(status) || isAgain) && job.tries < 20);
}

// The session has ended, or is another one: without it, with a new token, or of another account.
const isRefused = ({ status, body }) => [401, 403].includes(status) || body?.code === "other_account";

function waitForSession() {
  minimise(false);
  regained().then(sendNext);
}

function pause(job, { status, body, retryAfter }) {
  job.tries += 1;
  const seconds = retryAfter || Math.min(2 ** job.tries, 30);
  const text = status
    ? gettext("The gallery is busy. The upload will be retried.")
    : gettext("No connection. The upload will be retried.");
  setState(job, "paused", body?.code === "originals_away" ? body.message : text);
  setTimeout(() => jobs.includes(job) && job.state === "paused" && requeue(job), seconds * 1000);
}

// Other pages tell it too, until the card is closed.
async function failed(job, { status, body }) {
  const problem = { why: body?.message ?? gettext("The upload failed."), code: body?.code, status };
  setError(job, problem.why, problem);
  tellOtherPages({ key: job.key, problem });
  if (job.isKept || job.isLasting) await keep(job, { file: job.isLasting ? null : job.file, problem });
}

async function uploaded(job, photo) {
  job.id = photo.id;
  job.url = photo.url;
  job.sent = performance.now();
  await finish(job, photo);
  const why = job.state === "error" && job.row.querySelector(".outcome").textContent;
  tellOtherPages(why ? { key: job.key, problem: { why } } : { key: job.key, photo });
  if (why) return;
  const isAwaited = !isCompanion(job.file) && jobs.some((other) => isUnsent(other) && isCompanion(other.file));
  if (!isAwaited || !job.isKept) return forget(job);
  sentBefore.push(job);
  await keep(job, { file: null, photo: job.id });
}

async function finish(job, photo) {
  if (photo?.state === "indexed") showThumbnail(job);
  if (photo?.companion_of) {
    setLink(job, "kept", gettext("kept with %(name)s", { name: photo.name }));
  } else if (job.addTo) {
    if (await joinAlbum(job)) await forget(job);
  } else if (photo.restored) {
    setLink(job, "restored", gettext("restored from the trash → open"));
    refreshSoon();
  } else if (photo.duplicate) {
    setLink(job, "duplicate", gettext("already here → open"));
  } else {
    follow(job, photo);
  }
}
