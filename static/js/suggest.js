// What the search bar offers: queries asked lately and saved ones, and while somebody types, ways
// to go on. A combobox with a list box, as ARIA 1.2 has it; the focus stays in the field.
import { announce, csrf } from "./page.js";

const WAIT = 110; // ms without a key before the server is asked
const PATIENCE = 4000; // ms after which an answer is not waited for

let form, input, panel;
let timer, asking;
let told = ""; // how many suggestions were announced last
let untouched = true; // what stands in the field is what the page was asked for

export function attachSuggestions(searchForm, field) {
  [form, input, panel] = [searchForm, field, document.getElementById("suggestions")];
  for (const [name, value] of Object.entries({
    role: "combobox", "aria-haspopup": "listbox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": "suggestions", "aria-describedby": "q-help",
  })) input.setAttribute(name, value);
  input.addEventListener("focus", () => { if (!input.autofocus || input.value) ask(); });
  input.addEventListener("pointerdown", () => document.activeElement === input && panel.hidden && ask());
  input.addEventListener("input", () => { untouched = false; askSoon(); });
  input.addEventListener("compositionend", askSoon);
  input.addEventListener("keyup", (event) => /^(Arrow(Left|Right)|Home|End)$/.test(event.key) && !untouched && askSoon());
  input.addEventListener("keydown", onKey);
  form.addEventListener("submit", close);
  form.closest("search").addEventListener("focusout", (event) => {
    if (!event.currentTarget.contains(event.relatedTarget)) close();
  });
  // A press must not take the focus out of the field before the click arrives.
  panel.addEventListener("mousedown", (event) => event.preventDefault());
  panel.addEventListener("click", onClick);
  document.addEventListener("pointerdown", (event) => !form.closest("search").contains(event.target) && close());
}

// --- asking -------------------------------------------------------------------------------------

function askSoon() {
  clearTimeout(timer);
  timer = setTimeout(ask, WAIT);
}

// Places count characters, as the server does, and not the units of UTF-16.
const characters = (text) => [...text].length;

async function ask() {
  clearTimeout(timer);
  asking?.abort();
  const mine = (asking = new AbortController());
  const late = setTimeout(() => mine.abort(), PATIENCE);
  const text = untouched ? "" : input.value;
  const at = characters(text.slice(0, input.selectionStart ?? text.length));
  try {
    const answer = await fetch(`${form.dataset.suggest}?${new URLSearchParams({ q: text, at })}`, { signal: mine.signal });
    const html = answer.ok && !answer.redirected ? await answer.text() : "";
    if (mine === asking && document.activeElement === input) show(html);
  } catch {
    // The bar works without suggestions; the next key asks again.
    if (mine === asking) close();
  } finally {
    clearTimeout(late);
  }
}

function show(html) {
  panel.innerHTML = html;
  const filled = Boolean(panel.querySelector(".option, .suggest-hint"));
  panel.hidden = !filled;
  input.removeAttribute("aria-activedescendant");
  input.setAttribute("aria-expanded", String(options().length > 0));
  if (options().length) input.setAttribute("aria-controls", "options");
  const said = filled ? `${options().length} suggestions` : "";
  if (said !== told) announce(told = said);
}

export function close() {
  clearTimeout(timer);
  asking?.abort();
  asking = null;
  panel.hidden = true;
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}

// --- choosing -----------------------------------------------------------------------------------

const options = () => [...panel.querySelectorAll(".option")];
const chosen = () => panel.querySelector('.option[aria-selected="true"]');

function mark(option) {
  chosen()?.setAttribute("aria-selected", "false");
  option?.setAttribute("aria-selected", "true");
  option?.scrollIntoView({ block: "nearest" });
  if (option) input.setAttribute("aria-activedescendant", option.id);
  else input.removeAttribute("aria-activedescendant");
}

// After the last comes the field itself again, then the first.
function move(step) {
  const all = options();
  const at = all.indexOf(chosen()) + step;
  mark(at < -1 ? all.at(-1) : all[at]);
}

function take(option) {
  const { query, go, insert, start, end } = option.dataset;
  if (go) {
    close();
    location.assign(go);
  } else if (query !== undefined) {
    input.value = query;
    form.requestSubmit();
  } else {
    complete(insert, Number(start), Number(end));
  }
}

function complete(insert, start, end) {
  const all = [...input.value];
  const before = all.slice(0, start).join("") + insert;
  const after = all.slice(end).join("");
  input.value = before + (insert.endsWith(" ") ? after.trimStart() : after);
  input.setSelectionRange(before.length, before.length);
  untouched = false;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  // A long query keeps its end in sight.
  if (before.length === input.value.length) input.scrollLeft = input.scrollWidth;
  ask();
}

function onKey(event) {
  if (event.isComposing) return;
  const open = !panel.hidden && options().length > 0;
  const option = open ? chosen() : null;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    if (event.altKey && event.key === "ArrowUp") close();
    else if (open) move(event.key === "ArrowDown" ? 1 : -1);
    else ask();
    event.preventDefault();
  } else if (event.key === "Enter" && option) {
    event.preventDefault();
    take(option);
  } else if (event.key === "Tab" && open && !event.shiftKey) {
    completeByTab(event, option);
  } else if (event.key === "Delete" && option?.dataset.query !== undefined) {
    event.preventDefault();
    forget(option.dataset.query);
  } else if (event.key === "Escape") {
    // An empty bar has nothing to stay for.
    if (panel.hidden || !input.value) input.blur();
    // The field of a search would empty itself.
    event.preventDefault();
    close();
    event.stopPropagation();
  }
}

// Tab moves on as everywhere, unless a filter is being typed or a completion is marked.
function completeByTab(event, option) {
  const eager = panel.querySelector("[data-eager]");
  const wanted = option ?? (eager && panel.querySelector("[data-insert]"));
  if (wanted?.dataset.insert === undefined) return;
  event.preventDefault();
  take(wanted);
}

function onClick(event) {
  const one = event.target.closest("[data-forget]");
  if (one) forget(one.dataset.forget);
  else if (event.target.closest("[data-forget-all]")) forget(null);
  else if (event.target.closest(".option")) take(event.target.closest(".option"));
}

// --- forgetting ---------------------------------------------------------------------------------

async function forget(query) {
  const said = query === null ? { all: "1" } : { q: query };
  const answer = await fetch(form.dataset.forget, {
    method: "POST",
    headers: { "X-CSRFToken": csrf(), "HX-Request": "true" },
    body: new URLSearchParams(said),
    redirect: "manual",
  }).catch(() => null);
  const done = answer?.ok || answer?.type === "opaqueredirect";
  announce(done ? (query === null ? "All searches forgotten" : "Search forgotten") : "The gallery cannot be reached.");
  input.focus();
  ask();
}
