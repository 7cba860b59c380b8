// Keyboard shortcuts of the review page. They take precedence over those of every page.
import { isTyping } from "../page/fields.js";

const cards = () => [...document.querySelectorAll(".group[data-group]")];
const current = () => document.activeElement?.closest(".group[data-group]");

export function attachReviewKeys({ compare, undoLast }) {
  if (!document.getElementById("groups") && !document.querySelector("[data-undo]")) return;
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
      if (document.querySelector("dialog[open]")) return;
      if (isTyping(event)) return;
      if (run(event, compare, undoLast)) {
        event.preventDefault();
        event.stopPropagation();
      }
    },
    true,
  );
}

function run(event, compare, undoLast) {
  const card = current();
  const onControl = event.target.closest("a, button, summary");
  switch (event.key) {
    case "j":
    case "ArrowDown":
      return step(1);
    case "k":
    case "ArrowUp":
      return step(-1);
    case "u":
      return undoLast();
    case "ArrowRight":
      return Boolean(card) && along(card, 1);
    case "ArrowLeft":
      return Boolean(card) && along(card, -1);
    case "Enter":
      return Boolean(card) && !onControl && press(card, "[data-default]");
    case "b":
      return Boolean(card) && (press(card, "[data-best]") || best(card));
    case "s":
      return Boolean(card) && press(card, '[value="stack"]');
    case "n":
      return Boolean(card) && press(card, '[value="dismiss"]');
    case "x":
      return Boolean(card) && click(card.querySelector(".tick input"));
    case "c":
      return Boolean(card) && (compare(card, member()) ?? true);
    case " ":
      return !onControl && space(event, card ?? firstInView(), compare);
    default:
      return /^[1-9]$/.test(event.key) && Boolean(card) && click(picks(card)[event.key - 1]);
  }
}

const picks = (card) => [...card.querySelectorAll(".pick input")];
const member = () => document.activeElement?.closest(".member");

// A short press on a photo toggles its check box; a long press compares.
function space(event, card, compare) {
  if (!card) return false;
  if (event.target.matches(".tick input") || (event.target.matches(".pick input") && !event.repeat)) return false;
  if (event.target.matches(".pick input")) {
    event.target.addEventListener("keyup", (up) => up.preventDefault(), { once: true });
  }
  compare(card, member(), { flicker: true });
  return true;
}

function step(way) {
  const all = cards();
  if (!all.length) return false;
  const card = current();
  const target = card ? all[all.indexOf(card) + way] : firstInView();
  target?.focus({ preventScroll: true });
  target?.scrollIntoView({ block: "nearest" });
  return true;
}

function firstInView() {
  return cards().find((card) => card.getBoundingClientRect().bottom > 160) ?? cards()[0];
}

function along(card, way) {
  const boxes = picks(card);
  const at = boxes.indexOf(document.activeElement);
  const box = at < 0 ? boxes[way > 0 ? 0 : boxes.length - 1] : boxes[at + way];
  box?.focus({ preventScroll: true });
  box?.closest(".member").scrollIntoView({ block: "nearest", inline: "nearest" });
  return true;
}

function press(card, css) {
  const button = card.querySelector(css);
  if (!button || button.disabled) return false;
  button.click();
  return true;
}

// Restores the proposed choice and applies it.
function best(card) {
  for (const box of picks(card)) box.checked = box.defaultChecked;
  return press(card, "[data-keep]");
}

function click(box) {
  box?.click();
  box?.focus({ preventScroll: true });
  return Boolean(box);
}
