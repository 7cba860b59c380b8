// Requests to the gallery's API.
import { gettext } from "./language.js";

const meta = () => document.querySelector('meta[name="csrf-token"]');
export const csrf = () => meta()?.content ?? "";

// Somebody signed in again in another tab, which gave this page's account a new token.
export function setCsrf(token) {
  meta().content = token;
  document.body.setAttribute("hx-headers", JSON.stringify({ "X-CSRFToken": token }));
  for (const field of document.querySelectorAll('[name="csrfmiddlewaretoken"]')) field.value = token;
}

// Loads the page anew, which leads to the sign-in page, unless something on it would be lost.
export function signedOut() {
  if (dispatchEvent(new CustomEvent("scry:signed-out", { cancelable: true }))) location.reload();
}

// Resolves to whether the request succeeded, the parsed answer, and the reason of a failure as text.
export async function request(method, path, body) {
  const answer = await fetch(path, {
    method,
    headers: { "Content-Type": "application/json", "X-CSRFToken": csrf() },
    body: body && JSON.stringify(body),
  }).catch(() => null);
  const said = await answer?.json().catch(() => null);
  if (answer?.status === 401 || answer?.status === 403) signedOut();
  const why = said?.message ?? gettext("The gallery cannot be reached.");
  return { ok: Boolean(answer?.ok), status: answer?.status, said, why };
}

const IDS_AT_ONCE = 500; // the most that the gallery takes in one request

// Sends ids in as few requests as possible; resolves to how many photos changed, and the problem
// that stopped it, if any.
export async function sendIds(method, path, ids, more = {}) {
  let changed = 0;
  for (let at = 0; at < ids.length; at += IDS_AT_ONCE) {
    const answer = await request(method, path, { ids: ids.slice(at, at + IDS_AT_ONCE), ...more });
    if (!answer.ok) return { changed, problem: answer.why };
    changed += answer.said.changed;
  }
  return { changed };
}
