// The review of sensitive pictures by keys: y sensitive, n harmless, arrows, u undo.
import { request } from "../page/api.js";
import { isTyping } from "../page/fields.js";
import { gettext } from "../page/language.js";
import { announce, toast } from "../page/notices.js";

const list = document.querySelector("[data-suspects]");
const done = []; // what was decided here: its batch, the photo, and where it was

const items = () => [...list.querySelectorAll(".suspect")];
const current = () => document.activeElement?.closest(".suspect") ?? items()[0];
const focus = (item) => item?.querySelector(".suspect-picture").focus();

function step(by) {
  const all = items();
  focus(all[Math.min(Math.max(all.indexOf(current()) + by, 0), all.length - 1)]);
}

async function decide(item, state) {
  if (!item || item.dataset.busy || state === list.dataset.state) return;
  item.dataset.busy = "yes";
  const answer = await request("POST", `/api/v1/photos/${item.dataset.id}/sensitive`, {
    kind: item.dataset.kind,
    state,
  });
  delete item.dataset.busy;
  if (!answer.ok) return toast(answer.why);
  const next = item.nextElementSibling ?? item.previousElementSibling;
  done.push({ batch: answer.said.batch, item, before: item.nextElementSibling });
  item.remove();
  if (next) focus(next);
  else location.reload();
  announce(state === "confirmed" ? gettext("Marked as sensitive") : gettext("Marked as harmless"));
}

async function undo() {
  const last = done.pop();
  if (!last) return;
  const answer = await request("POST", "/api/v1/sensitive/undo", { batch: last.batch });
  if (!answer.ok) return toast(answer.why);
  list.insertBefore(last.item, last.before?.isConnected ? last.before : null);
  focus(last.item);
  announce(gettext("Taken back"));
}

list.addEventListener("submit", (event) => {
  const word = event.submitter?.dataset.word;
  if (!word) return;
  event.preventDefault();
  decide(event.target.closest(".suspect"), word);
});

document.addEventListener("keydown", (event) => {
  if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
  const keys = {
    y: () => decide(current(), "confirmed"),
    n: () => decide(current(), "cleared"),
    u: undo,
    ArrowRight: () => step(1),
    ArrowLeft: () => step(-1),
  };
  if (!(event.key in keys)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  keys[event.key]();
});
