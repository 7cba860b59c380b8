// Asks whether an uploaded photo has look-alikes, and links to them from its row of the card.
import { gettext, ngettext, percent } from "../page/language.js";
import { draw, jobs } from "./card.js";

const DELAYS = [800, 2000, 4000, 8000, 16000]; // milliseconds before each of the attempts
const FEW = 60; // with more uploads than this, only the last attempt is made

export function lookForLookalikes(job, attempt = 0) {
  if (DELAYS[attempt] === undefined) return;
  const many = jobs.length > FEW;
  const next = many ? DELAYS.length : attempt + 1;
  setTimeout(() => askInTurn(job, next), many ? DELAYS.at(-1) : DELAYS[attempt]);
}

// One request at a time, so that uploads are not held up.
let queue = Promise.resolve();
function askInTurn(job, nextAttempt) {
  queue = queue.then(async () => {
    if (!jobs.includes(job)) return;
    const answer = await fetch(`/api/v1/photos/${job.id}/duplicates`).catch(() => null);
    const found = answer?.ok ? await answer.json().catch(() => []) : [];
    if (found.length) showLookalike(job, found[0], found.length - 1);
    else if (answer?.status !== 404) lookForLookalikes(job, nextAttempt);
  });
}

function showLookalike(job, lookalike, others) {
  job.lookalike = true;
  const anchor = document.createElement("a");
  anchor.href = lookalike.group ? `/duplicates?group=${lookalike.group}` : `/photos/${job.id}/duplicates`;
  anchor.className = "alike";
  const more = others ? ` ${ngettext("and %(count)s more", "and %(count)s more", others)}` : "";
  anchor.textContent = `${lookalikeText(lookalike)}${more} → ${gettext("compare")}`;
  job.row.querySelector(".outcome").append(" ", anchor);
  draw();
}

function lookalikeText({ kind, how, closeness, photo: { name } }) {
  if (kind === "same_picture" && how) return gettext("the same picture as %(name)s (%(how)s)", { name, how });
  if (kind === "same_picture") return gettext("the same picture as %(name)s", { name });
  const share = percent(Math.min(Math.floor(Number(closeness) * 100), 99) || 0);
  return gettext("looks %(percent)s like %(name)s", { percent: share, name });
}
