// "More like this" and "less like this" add photos to the query as further terms. Each step has its
// own address, so Back undoes it too.
import { selectedIds } from "../grid/selection.js";
import { isTyping } from "../page/fields.js";
import { gettext, ngettext } from "../page/language.js";
import { toast } from "../page/notices.js";

const KEY = "scry-refined";
const LOADED_MS = 30000; // within which the refined search is shown
const SIGNS = { more: "", less: "-" };
const KEYS = { "+": "more", "-": "less" };

const list = () => document.querySelector(".results[data-start]");
const startOf = () => list()?.dataset ?? { start: "/search?q=", end: "", room: 16 };

export function attachRefinement() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-refine]");
    if (link) remember(link.dataset.refine, 1);
    const direction = event.target.closest("[data-select]")?.dataset.select;
    if (direction in SIGNS) refine(direction, selectedIds());
  });
  document.addEventListener("keydown", onKey);
  document.addEventListener("scry:selection", showLess);
  offerUndo();
}

function refine(direction, ids) {
  const { start, end, room } = startOf();
  if (!ids.length) return;
  if (ids.length > Number(room)) return toast(tooManyText(Number(room)));
  const address = start + ids.map((id) => `${SIGNS[direction]}photo:${id}`).join("+") + end;
  remember(direction, ids.length);
  location.href = address;
}

function tooManyText(room) {
  if (!room) return gettext("A search can have at most 16 parts. Remove one first.");
  return ngettext(
    "A search can have at most 16 parts. Choose up to %(count)s photo.",
    "A search can have at most 16 parts. Choose up to %(count)s photos.",
    room,
  );
}

// "Less like this" needs a query to start from.
function showLess() {
  const button = document.querySelector('[data-select="less"]');
  if (button) button.hidden = !list();
}

function onKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !(event.key in KEYS)) return;
  if (document.querySelector("dialog[open], .pswp") || !list()) return;
  if (isTyping(event)) return;
  const tile = document.activeElement?.closest(".results .tile");
  const ids = selectedIds().length ? selectedIds() : [tile?.dataset.id].filter(Boolean);
  if (!ids.length) return;
  event.preventDefault();
  refine(KEYS[event.key], ids);
}

// --- undoing the last step ---

// The words of the search are not stored: the page before has them, and Undo goes back to it.
function remember(direction, count) {
  sessionStorage.setItem(KEY, JSON.stringify({ direction, count, until: Date.now() + LOADED_MS }));
}

function offerUndo() {
  const step = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  sessionStorage.removeItem(KEY);
  const [{ type }] = performance.getEntriesByType("navigation");
  if (!step || type !== "navigate" || !list() || Date.now() > step.until) return;
  const text =
    step.direction === "more"
      ? ngettext("More like %(count)s photo", "More like %(count)s photos", step.count)
      : ngettext("Fewer like %(count)s photo", "Fewer like %(count)s photos", step.count);
  toast(text, { label: gettext("Undo"), act: () => history.back() });
}
