// Files that were not sent when the page was left. A page cannot keep files, so it remembers in this
// tab how many they were, and asks for them again.
import { ngettext } from "../page/language.js";

const KEY = "scry-unsent";
const banner = document.getElementById("uploads-unsent");

// `count()` returns how many are not sent yet.
export function rememberUnsent(count) {
  addEventListener("pagehide", () => {
    if (count()) sessionStorage.setItem(KEY, count());
    else if (banner.hidden) sessionStorage.removeItem(KEY);
  });
}

// Returns whether there is something to tell.
export function tellUnsent() {
  const count = Number(sessionStorage.getItem(KEY));
  if (!count) return false;
  banner.querySelector("span").textContent = ngettext(
    "%(count)s file was not sent, because the page was left.",
    "%(count)s files were not sent, because the page was left.",
    count,
  );
  banner.hidden = false;
  return true;
}

export const isToldUnsent = () => !banner.hidden;

export function forgetUnsent() {
  banner.hidden = true;
  sessionStorage.removeItem(KEY);
}
