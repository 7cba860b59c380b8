// More like these, less like these: photos become further terms of the query. Every step is an
// address of its own, so Back undoes it too.
import { toast } from "./page.js";
import { selected } from "./selection.js";

const KEY = "scry-refined";
const SIGNS = { more: "", less: "-" };
const KEYS = { "+": "more", "-": "less" };

const list = () => document.querySelector(".results[data-start]");
const startOf = () => list()?.dataset ?? { start: "/search?q=", end: "", room: 16 };

export function attachRefine() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-refine]");
    if (link) remember(link.dataset.refine, 1, link.href);
    const wish = event.target.closest("[data-select]")?.dataset.select;
    if (wish in SIGNS) refine(wish, selected());
  });
  document.addEventListener("keydown", onKey);
  new MutationObserver(showLess).observe(document.body, { attributeFilter: ["class"] });
  offerUndo();
}

export function refine(wish, ids) {
  const { start, end, room } = startOf();
  if (!ids.length) return;
  if (ids.length > Number(room)) {
    toast(room > 0 ? `A search has 16 parts at most: choose up to ${room} photos.` : "A search has 16 parts at most. Remove one first.");
    return;
  }
  const address = start + ids.map((id) => `${SIGNS[wish]}photo:${id}`).join("+") + end;
  remember(wish, ids.length, new URL(address, location.href).href);
  location.href = address;
}

// Only where there is a query can it be made to look less like something.
function showLess() {
  const button = document.querySelector('[data-select="less"]');
  if (button) button.hidden = !list();
}

function onKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !(event.key in KEYS)) return;
  if (document.querySelector("dialog[open], .pswp") || !list()) return;
  if (event.target.matches("input:not([type=checkbox]), textarea, select, [contenteditable]")) return;
  const tile = document.activeElement?.closest(".results .tile");
  const ids = selected().length ? selected() : [tile?.dataset.id].filter(Boolean);
  if (!ids.length) return;
  event.preventDefault();
  refine(KEYS[event.key], ids);
}

// --- undoing the last step ----------------------------------------------------------------------

function remember(wish, count, to) {
  sessionStorage.setItem(KEY, JSON.stringify({ wish, count, from: location.href, to }));
}

function offerUndo() {
  const step = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  sessionStorage.removeItem(KEY);
  if (!step || new URL(step.to).search !== location.search) return;
  const what = step.count === 1 ? "that photo" : `those ${step.count} photos`;
  toast(`${step.wish === "more" ? "More" : "Less"} like ${what}`, {
    label: "Undo", act: () => { location.href = step.from; },
  });
}
