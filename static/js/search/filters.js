// The filters in a dialog, which is loaded on demand and filled from the search bar. Without
// scripts, the page at the same address does the same.
import { gettext } from "../page/language.js";
import { announce, toast } from "../page/notices.js";
import { wholeQuery } from "./tokens.js";

const dialog = document.getElementById("filters");

export function attachFilters() {
  document.addEventListener("click", onClick);
  document.addEventListener("change", onChange);
  document.addEventListener("submit", onSubmit);
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  // Choices that were not applied are dropped; the next dialog starts from the bar again.
  dialog.addEventListener("close", () => dialog.replaceChildren());
}

function onClick(event) {
  const link = event.target.closest(".to-filters, [data-open-filters]");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) open(event, link);
  const action = event.target.closest("[data-filters]")?.dataset.filters;
  if (action === "close") close(event.target);
  if (action === "clear" && dialog.contains(event.target)) clear(event);
  if (action === "here") locate(event.target.closest("form"));
}

async function open(event, link) {
  event.preventDefault();
  const address = new URL(link.href);
  const given = new URLSearchParams(location.pathname === "/search" ? location.search : "");
  for (const name of ["sort", "fold"]) if (given.has(name)) address.searchParams.set(name, given.get(name));
  const query = wholeQuery();
  if (query) address.searchParams.set("q", query);
  else address.searchParams.delete("q");
  link.setAttribute("aria-busy", "true");
  const answer = await fetch(address, { headers: { "HX-Request": "true" } }).catch(() => null);
  link.removeAttribute("aria-busy");
  if (!answer) return toast(gettext("The gallery cannot be reached."));
  if (!answer.ok || answer.redirected) return location.assign(address);
  dialog.innerHTML = await answer.text();
  dialog.showModal();
  htmx.process(dialog);
}

function close(element) {
  if (dialog.contains(element)) dialog.close();
  else history.back();
}

// A value is either wanted or excluded, never both. A typed name becomes one more choice, and the
// field is free for the next one.
function onChange(event) {
  const box = event.target;
  if (box.matches(".filter-more input")) return choose(box);
  if (!box.matches(".choice input")) return;
  const other = [...box.closest(".choice").querySelectorAll("input")].find((input) => input !== box);
  if (box.checked && other) other.checked = false;
}

function choose(field) {
  const value = field.value.trim();
  const list = field.closest("fieldset").querySelector(".choices");
  const boxes = [...list.querySelectorAll("input:not(.without)")];
  const present = boxes.find((box) => box.value.toLowerCase() === value.toLowerCase());
  if (!value) return;
  field.value = "";
  if (present) present.click();
  else list.append(choice(list.lastElementChild, value));
  announce(gettext("%(value)s chosen", { value }));
}

function choice(pattern, value) {
  const line = pattern.cloneNode(true);
  line.querySelector(".choice-text").textContent = value;
  for (const box of line.querySelectorAll("input")) {
    const label = line.querySelector(`label[for="${box.id}"]`);
    box.id = `${box.id}-${value.length}-${Date.now()}`;
    label.htmlFor = box.id;
    box.value = value;
    box.checked = !box.matches(".without");
    if (box.matches(".without")) box.ariaLabel = gettext("Without: %(value)s", { value });
  }
  return line;
}

// Empty fields are left out of the address.
function onSubmit(event) {
  const form = event.target;
  if (!form.matches(".filter-form")) return;
  const empty = [...form.elements].filter((field) => field.name && !field.value && field.name !== "q");
  if (!form.elements.point.value.trim()) empty.push(form.elements.radius);
  for (const field of empty) field.disabled = true;
  setTimeout(() => {
    for (const field of empty) field.disabled = false;
  });
}

function clear(event) {
  event.preventDefault();
  const form = event.target.closest("form");
  for (const field of form.elements) {
    if (field.type === "checkbox") field.checked = false;
    else if (field.type === "text" || field.type === "date") field.value = "";
    else if (field.matches("select") && field.name !== "radius") field.selectedIndex = 0;
  }
  htmx.trigger(form, "filters-changed");
  announce(gettext("All filters cleared"));
}

function locate(form) {
  const failed = () => toast(gettext("This device does not share its location."));
  if (!navigator.geolocation) return failed();
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      form.elements.point.value = `${coords.latitude.toFixed(4)}, ${coords.longitude.toFixed(4)}`;
      htmx.trigger(form, "filters-changed");
    },
    failed,
    { maximumAge: 600000, timeout: 8000 },
  );
}
