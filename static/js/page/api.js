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
