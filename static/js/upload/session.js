// When the session ends while files wait, the page stays: it asks to sign in, in another tab, and
// goes on once the account that the files belong to is signed in again.
import { setCsrf } from "../page/api.js";
import { gettext } from "../page/language.js";

const LOOK = 3000; // milliseconds between two looks
const user = document.body.dataset.user;
let waiting = null;

export const isWaiting = () => Boolean(waiting);

// Resolves once the page's own account is signed in, and the page has its new CSRF token.
export function regained() {
  waiting ??= wait().finally(() => {
    waiting = null;
  });
  return waiting;
}

async function wait() {
  for (;;) {
    const session = await current();
    if (String(session?.user) === user) {
      setCsrf(session.csrf_token);
      ask("");
      return;
    }
    if (session) ask(textFor(session));
    await moment();
  }
}

// Who is signed in; an empty object if nobody is, and null if the gallery does not say.
async function current() {
  const answer = await fetch("/api/v1/session", { cache: "no-store" }).catch(() => null);
  if (answer?.status === 401) return {};
  return answer?.ok ? answer.json().catch(() => null) : null;
}

function textFor({ name }) {
  if (!name) return gettext("You are no longer signed in. Sign in, and the upload goes on here.");
  return gettext("%(name)s is signed in now. These files wait for the account that chose them.", { name });
}

function ask(text) {
  const line = document.getElementById("uploads-session");
  const words = line.querySelector("span");
  // It is announced whenever it changes.
  if (words.textContent !== text) words.textContent = text;
  line.hidden = !text;
}

// Somebody who comes back from signing in need not wait.
function moment() {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("focus", done);
      document.removeEventListener("visibilitychange", done);
      resolve();
    };
    const timer = setTimeout(done, LOOK);
    addEventListener("focus", done);
    document.addEventListener("visibilitychange", done);
  });
}
