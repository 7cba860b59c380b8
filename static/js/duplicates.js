// The review page of duplicates: marking what to keep, deciding by click or key, undoing, and the
// bar that decides many groups at once. The forms work without any of this.
import { announce, size, toast } from "./page.js";
import { openCompare } from "./compare.js";
import { attachOrder } from "./criteria.js";
import { attachDecisionKeys } from "./decide.js";

const bulk = () => document.getElementById("bulk");
const boxes = (card) => [...card.querySelectorAll(".pick input")];
const openCards = () => [...document.querySelectorAll(".group[data-group]")];
let lastNote = null;
let byKey = false;

// --- what is marked in a group ------------------------------------------------------------------

const bytesOf = (box) => Number(box.closest(".member").dataset.size);
const untouched = (card) => boxes(card).every((box) => box.checked === box.defaultChecked);

function trashed(card) {
  const gone = boxes(card).filter((box) => !box.checked);
  return { photos: gone.length, bytes: gone.reduce((sum, box) => sum + bytesOf(box), 0) };
}

const groups = (count) => (count === 1 ? "1 group" : `${count.toLocaleString("en")} groups`);

function onMark(event) {
  const box = event.target;
  const card = box.closest(".group");
  if (!boxes(card).some((one) => one.checked)) {
    box.checked = true;
    return refuse(card);
  }
  refuse(card, "");
  describe(card);
  announce(`${box.closest(".member").dataset.name}: ${box.checked ? "keep" : "trash"}`);
  tellBulk();
}

function refuse(card, text = "One photo of a group is always kept. Mark another one to keep first.") {
  const line = card.querySelector(".refusal");
  line.hidden = !text;
  line.textContent = text;
}

// The button of a group says what it does with what is marked now.
function describe(card) {
  const button = card.querySelector("[data-keep]");
  if (!button) return;
  const gone = trashed(card);
  const kept = boxes(card).length - gone.photos;
  const [label, detail] = [button.querySelector("span"), button.querySelector("small")];
  if (!detail) {
    label.textContent = `Trash ${gone.photos}, keep ${kept}`;
  } else if (!gone.photos) {
    label.textContent = "Keep all";
    detail.textContent = "nothing goes to the trash";
  } else {
    label.textContent = untouched(card) ? "Keep best" : kept === 1 ? "Keep this" : `Keep ${kept}`;
    detail.textContent = `${gone.photos} to the trash, frees ${size(gone.bytes)}`;
  }
}

// --- many groups at once ------------------------------------------------------------------------

const ticked = () => openCards().filter((card) => card.querySelector(".tick input")?.checked);
const scope = () => bulk().elements.scope.value;

function figures() {
  const tab = document.querySelector("#kinds [aria-current]").dataset;
  if (scope() === "all") {
    const changed = openCards().filter((card) => !untouched(card));
    const more = changed.reduce((sum, card) => sum + trashed(card).bytes - Number(card.dataset.free), 0);
    return { count: Number(tab.groups), bytes: Number(tab.bytes) + more };
  }
  const cards = scope() === "page" ? openCards() : ticked();
  const free = (card) => (untouched(card) ? Number(card.dataset.free) : trashed(card).bytes);
  return { count: cards.length, bytes: cards.reduce((sum, card) => sum + free(card), 0) };
}

function tellBulk() {
  if (!bulk()) return;
  bulk().querySelector('[data-count="page"]').textContent = openCards().length;
  bulk().querySelector('[data-count="ticked"]').textContent = ticked().length;
  const all = Number(document.querySelector("#kinds [aria-current]").dataset.groups);
  bulk().querySelector('[value="all"] + span b').textContent = all.toLocaleString("en");
  const { count, bytes } = figures();
  const button = bulk().querySelector("[data-label]");
  button.parentElement.disabled = count === 0;
  if (bulk().dataset.verb === "stack") button.textContent = `Stack ${groups(count)}`;
  else button.textContent = `Keep best in ${groups(count)} – frees ${size(bytes)}`;
}

function onTick(box) {
  const scopes = bulk()?.elements.scope;
  if (!scopes) return;
  if (box.checked) scopes.value = "ticked";
  else if (!ticked().length) scopes.value = "all";
  tellBulk();
}

// Groups in which other photos were marked than proposed are decided as they were marked.
function addChoices(parameters) {
  for (const card of openCards()) {
    if (untouched(card)) continue;
    const ids = (kept) => boxes(card).filter((box) => box.checked === kept).map((box) => box.value);
    parameters.append("choice", `${card.dataset.group} ${ids(true)} ${ids(false)}`);
  }
}

// --- what htmx sends and brings -----------------------------------------------------------------

document.body.addEventListener("htmx:configRequest", (event) => {
  const { elt, formData } = event.detail;
  if (elt.id === "bulk") {
    addChoices(formData);
    // A form may have a thousand fields at most, and a long list more groups.
    for (const name of ["page", "groups"]) formData.set(name, formData.getAll(name).join());
  }
  if (elt.id === "bulk" || elt.closest("[data-criteria]")) formData.set("loaded", openCards().length);
});

for (const event of ["htmx:responseError", "htmx:sendError"]) {
  document.body.addEventListener(event, ({ detail: { elt } }) => {
    if (elt.closest(".review, #ask, .decisions")) toast("That did not work. Reload the page and try again.");
  });
}

let left = null; // where the focus was when a group was sent off
document.body.addEventListener("htmx:beforeSwap", (event) => {
  const card = event.detail.target.closest?.(".group");
  left = card && { next: nextCard(card), inside: card.contains(document.activeElement), width: card.offsetWidth };
});

document.body.addEventListener("htmx:load", ({ detail: { elt } }) => {
  if (elt.id === "review") arrivedList(elt);
  else if (elt.matches(".group")) arrivedGroup(elt);
  else if (elt.matches("#ask > *") && !document.getElementById("ask").open) document.getElementById("ask").showModal();
  if (elt.matches(".group, #kinds, .more")) tellBulk();
  if (elt.matches("#kinds")) tellNew();
});

// Groups found while the page is open are offered; nothing moves under anybody's hands.
function tellNew() {
  const review = document.getElementById("review");
  const found = Number(document.querySelector("#kinds [aria-current]")?.dataset.groups) - openCards().length;
  if (!review || review.dataset.one || review.querySelector(".more") || found <= 0) return;
  if (!openCards().length && !review.querySelector(".decided")) return showNew();
  const offer = review.querySelector(".fresh") ?? document.createElement("p");
  offer.className = "fresh";
  offer.innerHTML = '<button type="button" class="button small" data-fresh></button>';
  offer.firstChild.textContent = `Show ${found === 1 ? "1 more group" : `${found} more groups`}`;
  document.getElementById("groups").before(offer);
}

const showNew = () => htmx.ajax("GET", location.href, { target: "#review", select: "#review", swap: "outerHTML" });

function arrivedGroup(card) {
  const note = card.querySelector("[data-note]");
  if (note) announce(note.dataset.note);
  if (card.matches(".decided")) lastNote = card;
  if (!left) return;
  // A note stays as wide as its group was, so that the groups beside and below it keep their place.
  if (card.matches(".decided")) card.style.setProperty("--breadth", left.width - 1);
  const target = card.matches(".decided") ? left.next ?? card : card;
  // The keyboard goes on with the next group; a pointer is not dragged along.
  if (left.inside || byKey) target.focus({ preventScroll: !byKey });
  if (byKey) target.scrollIntoView({ block: "nearest" });
  left = null;
}

function arrivedList(list) {
  const note = list.querySelector(":scope > [data-note]");
  document.getElementById("ask")?.close();
  attachOrder(list);
  if (note) {
    announce(note.dataset.note);
    lastNote = note;
    note.scrollIntoView({ block: "nearest" });
  }
  tellBulk();
}

function nextCard(card) {
  const cards = openCards();
  const at = cards.indexOf(card);
  return cards[at + 1] ?? cards[at - 1];
}

export function undoLast() {
  const notes = [...document.querySelectorAll("[data-undo]")];
  const form = (lastNote?.isConnected && lastNote.querySelector("[data-undo]")) || notes.at(-1);
  if (form) form.requestSubmit();
  else announce("Nothing to undo here. What was decided earlier is in the history.");
  return true;
}

// --- comparing ----------------------------------------------------------------------------------

function membersOf(set) {
  return [...set.querySelectorAll(".member")].map((member) => ({
    ...member.dataset,
    element: member,
    facts: new Map([...member.querySelectorAll(".differs > div")].map((row) => [row.firstElementChild.textContent, row.lastElementChild.textContent])),
  }));
}

// Compares a photo of a group with the best one, or the best one with the next.
export function compare(set, member, { flicker = false } = {}) {
  const members = membersOf(set);
  if (members.length < 2) return;
  const best = Math.max(members.findIndex((one) => one.element.matches(".best")), 0);
  const chosen = members.findIndex((one) => one.element === member);
  const other = chosen < 0 || chosen === best ? (best + 1) % members.length : chosen;
  openCompare(members, best, other, { flicker, decide: set.matches(".group") ? (a, b, what) => decide(set, a, b, what) : null });
}

// Returns whether the group is decided; in larger groups a verdict only marks the two.
function decide(card, a, b, what) {
  const form = card.querySelector("form");
  if (what === "dismiss") {
    form.querySelector('[value="dismiss"]').click();
    return true;
  }
  const [kept, gone] = what === "a" ? [a, b] : [b, a];
  kept.element.querySelector(".pick input").checked = true;
  gone.element.querySelector(".pick input").checked = false;
  describe(card);
  tellBulk();
  if (boxes(card).length > 2) return false;
  form.querySelector("[data-keep]").click();
  return true;
}

// --- events of the page -------------------------------------------------------------------------

document.addEventListener("change", (event) => {
  if (event.target.matches(".pick input")) onMark(event);
  else if (event.target.matches(".tick input")) onTick(event.target);
  else if (event.target.matches("#bulk [name=scope]")) tellBulk();
});
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-compare]");
  if (event.target.closest("[data-fresh]")) showNew();
  if (event.target.closest("#ask [data-close]")) document.getElementById("ask").close();
  if (!opener || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  compare(opener.closest(".group, .alike-set"), opener.closest(".member"));
});
document.addEventListener("keydown", () => { byKey = true; }, true);
document.addEventListener("pointerdown", () => { byKey = false; }, true);

const keys = document.getElementById("dup-keys");
if (keys) {
  document.querySelector("#help .keys").after(keys);
  keys.hidden = false;
}
attachDecisionKeys({ compare, undoLast });
attachOrder(document);
for (const card of openCards()) if (!untouched(card)) describe(card);
tellBulk();
