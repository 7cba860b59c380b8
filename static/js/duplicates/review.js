// The review page of duplicates: marking photos to keep, deciding, undoing, and the bar that decides
// many groups at once. The forms also work without scripts.
import { size } from "../page/amounts.js";
import { gettext, ngettext, number } from "../page/language.js";
import { announce, toast } from "../page/notices.js";
import { openCompare } from "./compare.js";
import { attachCriteria } from "./criteria.js";
import { attachReviewKeys } from "./keys.js";

const bulk = () => document.getElementById("bulk");
const boxes = (card) => [...card.querySelectorAll(".pick input")];
const openCards = () => [...document.querySelectorAll(".group[data-group]")];
let lastNote = null;
let byKey = false;

// --- what is marked in a group ---

const bytesOf = (box) => Number(box.closest(".member").dataset.size);
const untouched = (card) => boxes(card).every((box) => box.checked === box.defaultChecked);

function toTrash(card) {
  const gone = boxes(card).filter((box) => !box.checked);
  return { photos: gone.length, bytes: gone.reduce((sum, box) => sum + bytesOf(box), 0) };
}

function onMark(event) {
  const box = event.target;
  const card = box.closest(".group");
  if (!boxes(card).some((other) => other.checked)) {
    box.checked = true;
    return refuse(card, gettext("One photo of a group is always kept. Mark another one to keep first."));
  }
  refuse(card, "");
  describe(card);
  const { name } = box.closest(".member").dataset;
  announce(box.checked ? gettext("%(name)s: keep", { name }) : gettext("%(name)s: trash", { name }));
  drawBulk();
}

function refuse(card, text) {
  const line = card.querySelector(".refusal");
  line.hidden = !text;
  line.textContent = text;
}

// The button of a group says what it does with the current marks.
function describe(card) {
  const button = card.querySelector("[data-keep]");
  if (!button) return;
  const gone = toTrash(card);
  const kept = boxes(card).length - gone.photos;
  const [label, detail] = [button.querySelector("span"), button.querySelector("small")];
  if (!detail) {
    label.textContent = gettext("Trash %(trashed)s, keep %(kept)s", { trashed: gone.photos, kept });
  } else if (!gone.photos) {
    label.textContent = gettext("Keep all");
    detail.textContent = gettext("nothing goes to the trash");
  } else {
    label.textContent = keepText(untouched(card), kept);
    const values = { count: gone.photos, size: size(gone.bytes) };
    detail.textContent = gettext("%(count)s to the trash, frees %(size)s", values);
  }
}

function keepText(proposed, kept) {
  if (proposed) return gettext("Keep best");
  return kept === 1 ? gettext("Keep this") : gettext("Keep %(kept)s", { kept });
}

// --- many groups at once ---

const ticked = () => openCards().filter((card) => card.querySelector(".tick input")?.checked);
const scope = () => bulk().elements.scope.value;

function figures() {
  const tab = document.querySelector("#kinds [aria-current]").dataset;
  if (scope() === "all") {
    const changed = openCards().filter((card) => !untouched(card));
    const more = changed.reduce((sum, card) => sum + toTrash(card).bytes - Number(card.dataset.free), 0);
    return { count: Number(tab.groups), bytes: Number(tab.bytes) + more };
  }
  const cards = scope() === "page" ? openCards() : ticked();
  const free = (card) => (untouched(card) ? Number(card.dataset.free) : toTrash(card).bytes);
  return { count: cards.length, bytes: cards.reduce((sum, card) => sum + free(card), 0) };
}

function drawBulk() {
  if (!bulk()) return;
  bulk().querySelector('[data-count="page"]').textContent = openCards().length;
  bulk().querySelector('[data-count="ticked"]').textContent = ticked().length;
  const all = Number(document.querySelector("#kinds [aria-current]").dataset.groups);
  bulk().querySelector('[value="all"] + span b').textContent = number(all);
  const { count, bytes } = figures();
  const button = bulk().querySelector("[data-label]");
  button.parentElement.disabled = count === 0;
  button.textContent =
    bulk().dataset.verb === "stack"
      ? ngettext("Stack %(count)s group", "Stack %(count)s groups", count)
      : ngettext(
          "Keep best in %(count)s group – frees %(size)s",
          "Keep best in %(count)s groups – frees %(size)s",
          count,
          { size: size(bytes) },
        );
}

function onTick(box) {
  const scopes = bulk()?.elements.scope;
  if (!scopes) return;
  if (box.checked) scopes.value = "ticked";
  else if (!ticked().length) scopes.value = "all";
  drawBulk();
}

// Groups whose marks differ from the proposal are decided by their marks.
function addChoices(parameters) {
  for (const card of openCards()) {
    if (untouched(card)) continue;
    const ids = (kept) =>
      boxes(card)
        .filter((box) => box.checked === kept)
        .map((box) => box.value);
    parameters.append("choice", `${card.dataset.group} ${ids(true)} ${ids(false)}`);
  }
}

// --- what htmx sends and receives ---

document.body.addEventListener("htmx:configRequest", (event) => {
  const { elt, formData } = event.detail;
  if (elt.id === "bulk") {
    addChoices(formData);
    // A form may have a thousand fields at most, and a long list has more groups.
    for (const name of ["page", "groups"]) formData.set(name, formData.getAll(name).join());
  }
  if (elt.id === "bulk" || elt.closest("[data-criteria]")) formData.set("loaded", openCards().length);
});

for (const event of ["htmx:responseError", "htmx:sendError"]) {
  document.body.addEventListener(event, ({ detail: { elt } }) => {
    if (elt.closest(".review, #ask, .decisions")) toast(gettext("That did not work. Reload the page and try again."));
  });
}

let sentCard = null; // where the focus was when a group was sent
document.body.addEventListener("htmx:beforeSwap", (event) => {
  const card = event.detail.target.closest?.(".group");
  if (!card) return; // What is asked for now and then may come between.
  sentCard = { next: nextCard(card), inside: card.contains(document.activeElement), width: card.offsetWidth };
});

document.body.addEventListener("htmx:load", ({ detail: { elt } }) => {
  const ask = document.getElementById("ask");
  if (elt.id === "review") onList(elt);
  else if (elt.matches(".group")) onGroup(elt);
  else if (elt.matches("#ask > *") && !ask.open) ask.showModal();
  if (elt.matches(".group, #kinds, .more")) drawBulk();
  if (elt.matches("#kinds")) offerNew();
});

// New groups are offered by a button, so that nothing moves while somebody works.
function offerNew() {
  const review = document.getElementById("review");
  const count = Number(document.querySelector("#kinds [aria-current]")?.dataset.groups) - openCards().length;
  if (!review || review.dataset.one || review.querySelector(".more") || count <= 0) return;
  if (!openCards().length && !review.querySelector(".decided")) return showNew();
  const offer = review.querySelector(".fresh") ?? document.createElement("p");
  offer.className = "fresh";
  offer.innerHTML = '<button type="button" class="button small" data-fresh></button>';
  offer.firstChild.textContent = ngettext("Show %(count)s more group", "Show %(count)s more groups", count);
  document.getElementById("groups").before(offer);
}

const showNew = () => htmx.ajax("GET", location.href, { target: "#review", select: "#review", swap: "outerHTML" });

function onGroup(card) {
  const note = card.querySelector("[data-note]");
  if (note) announce(note.dataset.note);
  if (card.matches(".decided")) lastNote = card;
  if (!sentCard) return;
  // The note is as wide as its group was, so the groups around it keep their places.
  if (card.matches(".decided")) card.style.setProperty("--breadth", sentCard.width - 1);
  const target = card.matches(".decided") ? (sentCard.next ?? card) : card;
  // Keyboard users go on with the next group; for the pointer nothing scrolls.
  if (sentCard.inside || byKey) target.focus({ preventScroll: !byKey });
  if (byKey) target.scrollIntoView({ block: "nearest" });
  sentCard = null;
}

function onList(list) {
  const note = list.querySelector(":scope > [data-note]");
  document.getElementById("ask")?.close();
  attachCriteria(list);
  if (note) {
    announce(note.dataset.note);
    lastNote = note;
    note.scrollIntoView({ block: "nearest" });
  }
  drawBulk();
}

function nextCard(card) {
  const cards = openCards();
  const at = cards.indexOf(card);
  return cards[at + 1] ?? cards[at - 1];
}

function undoLast() {
  const notes = [...document.querySelectorAll("[data-undo]")];
  const form = (lastNote?.isConnected && lastNote.querySelector("[data-undo]")) || notes.at(-1);
  if (form) form.requestSubmit();
  else announce(gettext("Nothing to undo here. Earlier decisions are in the history."));
  return true;
}

// --- comparing ---

function membersOf(set) {
  return [...set.querySelectorAll(".member")].map((member) => ({
    ...member.dataset,
    element: member,
    facts: factsOf(member),
  }));
}

function factsOf(member) {
  const rows = [...member.querySelectorAll(".differs > div")];
  return new Map(rows.map((row) => [row.firstElementChild.textContent, row.lastElementChild.textContent]));
}

// Compares a photo with the best one of its group, or the best one with the next.
function compare(set, member, { flicker = false } = {}) {
  const members = membersOf(set);
  if (members.length < 2) return;
  const best = Math.max(
    members.findIndex(({ element }) => element.matches(".best")),
    0,
  );
  const chosen = members.findIndex(({ element }) => element === member);
  const other = chosen < 0 || chosen === best ? (best + 1) % members.length : chosen;
  const onVerdict = (a, b, verdict) => decide(set, a, b, verdict);
  openCompare(members, best, other, { flicker, decide: set.matches(".group") ? onVerdict : null });
}

// Returns whether the group is decided. In groups of three or more, a verdict only marks the two.
function decide(card, a, b, verdict) {
  const form = card.querySelector("form");
  if (verdict === "dismiss") {
    form.querySelector('[value="dismiss"]').click();
    return true;
  }
  const [kept, gone] = verdict === "a" ? [a, b] : [b, a];
  kept.element.querySelector(".pick input").checked = true;
  gone.element.querySelector(".pick input").checked = false;
  describe(card);
  drawBulk();
  if (boxes(card).length > 2) return false;
  form.querySelector("[data-keep]").click();
  return true;
}

// --- events of the page ---

document.addEventListener("change", (event) => {
  if (event.target.matches(".pick input")) onMark(event);
  else if (event.target.matches(".tick input")) onTick(event.target);
  else if (event.target.matches("#bulk [name=scope]")) drawBulk();
});
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-compare]");
  if (event.target.closest("[data-fresh]")) showNew();
  if (event.target.closest("#ask [data-close]")) document.getElementById("ask").close();
  if (!opener || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  compare(opener.closest(".group, .alike-set"), opener.closest(".member"));
});
document.addEventListener(
  "keydown",
  () => {
    byKey = true;
  },
  true,
);
document.addEventListener(
  "pointerdown",
  () => {
    byKey = false;
  },
  true,
);

const keys = document.getElementById("dup-keys");
if (keys) {
  document.querySelector("#help .keys").after(keys);
  keys.hidden = false;
}
attachReviewKeys({ compare, undoLast });
attachCriteria(document);
for (const card of openCards()) if (!untouched(card)) describe(card);
drawBulk();
