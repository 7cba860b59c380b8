// Files that the browser could not keep, and that were not sent when the page was left: this tab
// remembers their names, and asks for them again.
import { ngettext } from "../page/language.js";

const KEY = "scry-unsent";
const MOST = 1000; // names that are remembered
const SHOWN = 3;
const banner = document.getElementById("uploads-unsent");
let names = [];

// `unsent()` returns the names of those that would be lost now.
export function rememberUnsent(unsent) {
  addEventListener("pagehide", () => {
    const all = [...names, ...unsent()];
    if (all.length) sessionStorage.setItem(KEY, JSON.stringify(all.slice(0, MOST)));
    else sessionStorage.removeItem(KEY);
  });
}

// Returns whether there is something to tell.
export function tellUnsent() {
  names = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
  draw();
  return names.length > 0;
}

function draw() {
  banner.hidden = !names.length;
  const more = names.length > SHOWN ? " …" : "";
  banner.querySelector("span").textContent = ngettext(
    "%(count)s file was not sent, because the page was left: %(names)s",
    "%(count)s files were not sent, because the page was left: %(names)s",
    names.length,
    { names: names.slice(0, SHOWN).join(", ") + more },
  );
}

export const isToldUnsent = () => !banner.hidden;

// These were chosen again.
export function crossOff(files) {
  const chosen = new Set(files.map((file) => file.name));
  names = names.filter((name) => !chosen.has(name));
  draw();
}

export function forgetUnsent() {
  names = [];
  draw();
}
