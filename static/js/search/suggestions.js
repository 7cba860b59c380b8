// Suggestions below the search bar: recent and saved searches, and completions while typing.
// An ARIA 1.2 combobox with a list box; the focus stays in the field.
import { csrf } from "../page/api.js";
import { gettext, ngettext } from "../page/language.js";
import { announce } from "../page/notices.js";
import { clearTokens } from "./tokens.js";

const WAIT = 110; // ms after the last key before the server is asked
const TIMEOUT = 30_000; // ms; the next key asks anew before
const ATTRIBUTES = {
  role: "combobox",
  "aria-haspopup": "listbox",
  "aria-autocomplete": "list",
  "aria-expanded": "false",
  "aria-controls": "suggestions",
  "aria-describedby": "q-help",
};

let form, input, panel;
let timer, current;
let announced = "";
let untouched = true; // the field still holds the query of the page

export function attachSuggestions(searchForm, field) {
  [form, input, panel] = [searchForm, field, document.getElementById("suggestions")];
  for (const [name, value] of Object.entries(ATTRIBUTES)) input.setAttribute(name, value);
  input.addEventListener("focus", () => {
    if (!input.autofocus || input.value) ask();
  });
  input.addEventListener("pointerdown", () => document.activeElement === input && panel.hidden && ask());
  input.addEventListener("input", () => {
    untouched = false;
    askSoon();
  });
  input.addEventListener("compositionend", askSoon);
  input.addEventListener("keyup", (event) => {
    if (/^(Arrow(Left|Right)|Home|End)$/.test(event.key) && !untouched) askSoon();
  });
  input.addEventListener("keydown", onKey);
  form.addEventListener("submit", close);
  form.closest("search").addEventListener("focusout", (event) => {
    if (event.target === input && !panel.contains(event.relatedTarget)) close();
  });
  // The field must keep the focus until the click.
  panel.addEventListener("mousedown", (event) => event.preventDefault());
  panel.addEventListener("click", onClick);
  document.addEventListener("pointerdown", (event) => {
    if (!form.closest("search").contains(event.target)) close();
  });
}

// --- asking the server ---

function askSoon() {
  clearTimeout(timer);
  timer = setTimeout(ask, WAIT);
}

// The server counts code points, not UTF-16 units.
const cursor = () => [...input.value.slice(0, input.selectionStart ?? input.value.length)].length;

async function ask() {
  clearTimeout(timer);
  current?.abort();
  const mine = new AbortController();
  current = mine;
  const timeout = setTimeout(() => mine.abort(), TIMEOUT);
  const text = untouched ? "" : input.value;
  const at = text ? cursor() : 0;
  try {
    const address = `${form.dataset.suggest}?${new URLSearchParams({ q: text, at })}`;
    const answer = await fetch(address, { signal: mine.signal });
    const html = answer.ok && !answer.redirected ? await answer.text() : "";
    if (mine === current && document.activeElement === input) show(html);
  } catch {
    // The bar works without suggestions, and the next key asks again.
    if (mine === current) close();
  } finally {
    clearTimeout(timeout);
  }
}

function show(html) {
  panel.innerHTML = html;
  const filled = Boolean(panel.querySelector(".option, .suggest-hint"));
  panel.hidden = !filled;
  input.removeAttribute("aria-activedescendant");
  input.setAttribute("aria-expanded", String(options().length > 0));
  if (options().length) input.setAttribute("aria-controls", "options");
  const text = filled ? ngettext("%(count)s suggestion", "%(count)s suggestions", options().length) : "";
  if (text !== announced) announce(text);
  announced = text;
}

function close() {
  clearTimeout(timer);
  current?.abort();
  current = null;
  panel.hidden = true;
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}

// --- choosing ---

const options = () => [...panel.querySelectorAll(".option")];
const chosen = () => panel.querySelector('.option[aria-selected="true"]');

function mark(option) {
  chosen()?.setAttribute("aria-selected", "false");
  option?.setAttribute("aria-selected", "true");
  option?.scrollIntoView({ block: "nearest" });
  if (option) input.setAttribute("aria-activedescendant", option.id);
  else input.removeAttribute("aria-activedescendant");
}

// After the last option comes the field itself, then the first option. Whoever walks through the list keeps it.
function move(step) {
  clearTimeout(timer);
  current?.abort();
  current = null;
  const all = options();
  const at = all.indexOf(chosen()) + step;
  mark(at < -1 ? all.at(-1) : all[at]);
}

function take(option) {
  const { query, go, insert, start } = option.dataset;
  if (go) {
    close();
    location.assign(go);
  } else if (query !== undefined) {
    replaceBy(query);
    form.requestSubmit();
  } else {
    complete(insert, Number(start));
  }
}

// What was offered takes the place of all that was typed up to the cursor, also since it was offered.
function complete(insert, start) {
  const all = [...input.value];
  const end = Math.max(start, cursor());
  const before = all.slice(0, start).join("") + insert;
  const after = all.slice(end).join("");
  input.value = before + (insert.endsWith(" ") ? after.trimStart() : after);
  input.setSelectionRange(before.length, before.length);
  untouched = false;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  // Keep the end of a long query visible.
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
    // The first Escape closes the suggestions, the second leaves the field.
    if (panel.hidden || !input.value) input.blur();
    // Browsers clear a search field on Escape.
    event.preventDefault();
    close();
    event.stopPropagation();
  }
}

// A recent search is a whole query.
function replaceBy(query) {
  clearTokens();
  input.value = query;
}

// Tab completes what was typed by the marked option, or by the first. Where nothing was typed, and
// where the list is closed, it moves on as usual.
function completeByTab(event, option) {
  const completes = ({ dataset }) => dataset.insert !== undefined || dataset.query !== undefined;
  const wanted = option ?? (untouched || !input.value.trim() ? null : options().find(completes));
  if (!wanted || !completes(wanted)) return;
  event.preventDefault();
  const { query, insert, start } = wanted.dataset;
  if (query === undefined) return complete(insert, Number(start));
  replaceBy(query);
  untouched = false;
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

function onClick(event) {
  const button = event.target.closest("[data-forget]");
  if (button) forget(button.dataset.forget);
  else if (event.target.closest("[data-forget-all]")) forget(null);
  else if (event.target.closest(".option")) take(event.target.closest(".option"));
}

// --- removing recent searches ---

// Removes one recent search, or all when `query` is null.
async function forget(query) {
  const answer = await fetch(form.dataset.forget, {
    method: "POST",
    headers: { "X-CSRFToken": csrf(), "HX-Request": "true" },
    body: new URLSearchParams(query === null ? { all: "1" } : { q: query }),
    redirect: "manual",
  }).catch(() => null);
  const done = answer?.ok || answer?.type === "opaqueredirect";
  if (!done) announce(gettext("The gallery cannot be reached."));
  else announce(query === null ? gettext("All recent searches removed") : gettext("Recent search removed"));
  input.focus();
  ask();
}
