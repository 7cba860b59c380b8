// The filters as a dialog. It is brought when it is first wanted, filled from what stands in the
// search bar; the page of the same address does its work without scripts.
import { announce, toast } from "./page.js";

const dialog = document.getElementById("filters");
let input;

export function attachFilters(field) {
  input = field;
  document.addEventListener("click", onClick);
  document.addEventListener("change", onChange);
  document.addEventListener("submit", onSubmit);
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  // What was chosen and not asked for is gone; it is brought anew from the bar.
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
  if (input.value.trim()) address.searchParams.set("q", input.value);
  else address.searchParams.delete("q");
  link.setAttribute("aria-busy", "true");
  const answer = await fetch(address, { headers: { "HX-Request": "true" } }).catch(() => null);
  link.removeAttribute("aria-busy");
  if (!answer?.ok || answer.redirected) return void (answer ? location.assign(address) : toast("The gallery cannot be reached."));
  dialog.innerHTML = await answer.text();
  dialog.showModal();
  htmx.process(dialog);
}

function close(element) {
  if (dialog.contains(element)) dialog.close();
  else history.back();
}

// One value is wanted or left out, never both. A name that is typed becomes a choice of its own,
// so that another can be typed.
function onChange(event) {
  const box = event.target;
  if (box.matches(".filter-more input")) return choose(box);
  if (!box.matches(".choice input")) return;
  const other = [...box.closest(".choice").querySelectorAll("input")].find((one) => one !== box);
  if (box.checked && other) other.checked = false;
}

function choose(field) {
  const value = field.value.trim();
  const list = field.closest("fieldset").querySelector(".choices");
  const boxes = [...list.querySelectorAll("input:not(.without)")];
  const known = boxes.find((one) => one.value.toLowerCase() === value.toLowerCase());
  if (!value) return;
  field.value = "";
  if (known) known.click();
  else list.append(choice(list.lastElementChild, value));
  announce(`${value} chosen`);
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
    if (box.matches(".without")) box.setAttribute("aria-label", `Without: ${value}`);
  }
  return line;
}

// Fields that say nothing would only make the address long.
function onSubmit(event) {
  const form = event.target;
  if (!form.matches(".filter-form")) return;
  const empty = [...form.elements].filter((one) => one.name && !one.value && one.name !== "q");
  if (!form.elements.place.value.trim()) empty.push(form.elements.radius);
  for (const one of empty) one.disabled = true;
  setTimeout(() => empty.forEach((one) => { one.disabled = false; }));
}

function clear(event) {
  event.preventDefault();
  const form = event.target.closest("form");
  for (const one of form.elements) {
    if (one.type === "checkbox") one.checked = false;
    else if (one.type === "text" || one.type === "date") one.value = "";
    else if (one.matches("select") && one.name !== "radius") one.selectedIndex = 0;
  }
  htmx.trigger(form, "filters-changed");
  announce("All filters cleared");
}

function locate(form) {
  const failed = () => toast("This device does not tell where it is.");
  if (!navigator.geolocation) return failed();
  navigator.geolocation.getCurrentPosition(({ coords }) => {
    form.elements.place.value = `${coords.latitude.toFixed(4)}, ${coords.longitude.toFixed(4)}`;
    htmx.trigger(form, "filters-changed");
  }, failed, { maximumAge: 600000, timeout: 8000 });
}
