// The strip of photos to answer while a tag is taught: buttons, keys, and a box drawn over a picture.
import { csrf } from "../page/api.js";
import { isTyping } from "../page/fields.js";
import { gettext } from "../page/language.js";
import { announce } from "../page/notices.js";

const page = document.querySelector("[data-lesson]");
const strip = () => document.getElementById("strip");
const cards = () => [...strip().querySelectorAll(".ask-card")];
const open = () => cards().filter((card) => !card.dataset.done);
const skipped = new Set();
const given = []; // what was answered or skipped, the last one last: { card, photo, answer }
let sent = Promise.resolve(); // settles once all answers have arrived
const LEAST = 0.02; // of a side; a smaller box is a click

const current = () => document.activeElement?.closest(".ask-card") ?? open()[0];

function goOn(from) {
  const all = cards();
  const after = all.slice(all.indexOf(from) + 1).find((card) => !card.dataset.done) ?? open()[0];
  if (after) {
    after.focus();
    after.scrollIntoView({ block: "nearest" });
  } else load();
}

// The next photos are chosen by what was learnt from the last answers.
async function load() {
  await sent;
  const query = new URLSearchParams([...skipped].slice(-500).map((id) => ["skip", id]));
  await htmx.ajax("GET", `${strip().dataset.strip}?${query}`, { target: "#strip", swap: "outerHTML" });
  open()[0]?.focus();
}

function post(photo, answer, box = "") {
  const values = { photo, answer, box, csrfmiddlewaretoken: csrf() };
  const request = htmx.ajax("POST", strip().dataset.answer, { source: document.body, swap: "none", values });
  sent = Promise.allSettled([sent, request]);
}

const WORDS = { yes: gettext("Yes"), no: gettext("No"), skip: gettext("Skipped") };

function decide(card, answer) {
  if (!card || card.dataset.done) return false;
  const { photo } = card.dataset;
  card.dataset.done = answer;
  given.push({ card, photo, answer });
  if (answer === "skip") skipped.add(photo);
  else post(photo, answer, answer === "yes" ? card.querySelector('[name="box"]').value : "");
  announce(WORDS[answer]);
  goOn(card);
  return true;
}

function undo() {
  const last = given.pop();
  if (!last) return false;
  const { card, photo, answer } = last;
  if (answer === "skip") skipped.delete(photo);
  else post(photo, "forget");
  announce(gettext("Undone"));
  if (card.isConnected) {
    delete card.dataset.done;
    card.focus();
  } else load();
  return true;
}

function step(way) {
  const all = cards();
  const next = all[all.indexOf(current()) + way];
  next?.focus();
  return Boolean(next);
}

const KEYS = {
  y: () => decide(current(), "yes"),
  n: () => decide(current(), "no"),
  s: () => decide(current(), "skip"),
  u: undo,
  ArrowRight: () => step(1),
  ArrowLeft: () => step(-1),
};

function onKey(event) {
  if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
  if (document.querySelector("dialog[open]") || isTyping(event)) return;
  if (!KEYS[event.key]?.()) return;
  event.preventDefault();
  event.stopPropagation();
}

function onClick(event) {
  const card = event.target.closest(".ask-card");
  if (card) {
    const button = event.target.closest("button");
    if (!button) return;
    event.preventDefault();
    decide(card, "skip" in button.dataset ? "skip" : button.value);
  } else if (event.target.closest("[data-next]")) {
    event.preventDefault();
    for (const left of open()) skipped.add(left.dataset.photo);
    load();
  }
}

// --- a box over a picture ---

let drawing = null;

function startBox(event) {
  const picture = event.target.closest(".ask-picture");
  if (!picture || event.button || event.pointerType === "touch") return;
  const edge = picture.querySelector("img").getBoundingClientRect();
  drawing = { picture, edge, x: event.clientX, y: event.clientY };
}

const part = (value) => Math.min(Math.max(value, 0), 1);

function stretchBox(event) {
  if (!drawing) return;
  const { picture, edge, x, y } = drawing;
  const xs = [part((x - edge.left) / edge.width), part((event.clientX - edge.left) / edge.width)].sort();
  const ys = [part((y - edge.top) / edge.height), part((event.clientY - edge.top) / edge.height)].sort();
  const box = [xs[0], ys[0], xs[1] - xs[0], ys[1] - ys[0]];
  const isBox = box[2] >= LEAST && box[3] >= LEAST;
  const mark = picture.querySelector(".ask-box");
  mark.hidden = !isBox;
  const [left, top, width, height] = box.map((share) => `${share * 100}%`);
  Object.assign(mark.style, { left, top, width, height });
  picture.closest("form").elements.box.value = isBox ? box.map((share) => share.toFixed(4)).join(",") : "";
}

if (page) {
  document.addEventListener("keydown", onKey, true);
  page.addEventListener("click", onClick);
  page.addEventListener("pointerdown", startBox);
  document.addEventListener("pointermove", stretchBox);
  for (const name of ["pointerup", "pointercancel"]) {
    document.addEventListener(name, () => {
      drawing = null;
    });
  }
}
