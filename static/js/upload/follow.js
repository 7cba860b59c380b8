// Follows uploaded photos until they are searchable, and shows them in the grid.
import { csrf } from "../page/api.js";
import { gettext } from "../page/language.js";
import { draw, setError, setLink, setState, showThumbnail, working } from "./card.js";
import { lookForLookalikes } from "./lookalikes.js";
import { isWaiting } from "./session.js";

const WATCHED = 6;
const REFRESH = 2500; // milliseconds between refreshes of the grid

export function follow(job, photo) {
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
    showThumbnail(job);
    lookForLookalikes(job);
  } else if (photo.state === "failed") {
    setError(job, photo.message || gettext("It could not be made searchable."), { code: photo.reason });
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
  if (answer?.status === 404) setError(job, gettext("The photo was deleted."), { status: 404 });
  const photo = answer?.ok && (await answer.json().catch(() => null));
  return Boolean(photo && settle(job, photo));
}

export async function indexAgain(job) {
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
export function refreshSoon() {
  if (!timer) timer = setTimeout(refresh, Math.max(600, refreshed + REFRESH - performance.now()));
}

function refresh() {
  timer = null;
  refreshed = performance.now();
  globalThis.htmx?.trigger(document.body, "scry:changed");
  if (isGridIdle()) htmx.ajax("GET", "/", { target: "#photos", select: "#photos", swap: "outerHTML" });
}
