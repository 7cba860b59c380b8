// The results page: the slider from more to fewer photos, and weaker matches that open in place.
import { photos } from "../page/amounts.js";
import { gettext } from "../page/language.js";
import { announce } from "../page/notices.js";

// What is listed, as an address says it; the lightbox has addresses of its own.
const here = () => location.pathname + location.search;
const page = location.pathname;
let listed = here();
// The weaker matches that were opened in place: the addresses with and without them, and what to
// bring back.
let opened = null;
let opening = null;

export function attachResults() {
  if (!document.getElementById("found")) return attachExplanation();
  attachSlider(document.getElementById("sure"));
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.requestConfig.elt.closest(".divider")) opening = state(event.detail.requestConfig.elt);
  });
  document.body.addEventListener("htmx:afterSwap", (event) => {
    const { target, requestConfig } = event.detail;
    if (target.id === "found") resultsChanged(requestConfig);
    if (requestConfig.elt === opening?.link) weakerOpened();
  });
  addEventListener("popstate", followHistory);
  attachExplanation();
}

function attachExplanation() {
  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.matches(".why-here")) explanationLoaded(event.detail.target);
  });
}

// The page holds the counts of all steps, so moving the slider needs no request.
function attachSlider(form) {
  if (!form) return;
  const levels = form.dataset.levels.split(" ").map(Number);
  const [slider, output] = [form.querySelector("input[type=range]"), form.querySelector("output")];
  slider.addEventListener("input", () => {
    const count = levels[Math.round(slider.value * (levels.length - 1))];
    const more = "more" in form.dataset && count >= levels[0];
    const text = more ? photos(count).replace(" ", "+ ") : photos(count);
    output.textContent = text;
    slider.setAttribute("aria-valuetext", text);
  });
}

// The slider's value goes into the address, so Back and a reload keep it.
function resultsChanged({ elt, parameters, path }) {
  if (elt.id === "sure") {
    const values = parameters instanceof FormData ? parameters : Object.entries(parameters ?? {});
    const query = new URLSearchParams([...values]);
    history.replaceState(history.state, "", `${path.split("?")[0]}?${query}`);
    opened = null;
    listed = here();
  }
  announce(document.querySelector("#counted, #found .empty h2")?.textContent ?? "");
}

// The answer replaced the button, so the heading gets the focus.
function explanationLoaded(section) {
  section.querySelector("h2")?.focus({ preventScroll: true });
  section.scrollIntoView({ block: "start" });
}

// --- weaker matches are a step that Back returns from ---

const PARTS = ["counted", "answered", "ways"];

function state(link) {
  const divider = link.closest(".divider");
  const slider = document.getElementById("least");
  return {
    link,
    divider: divider.cloneNode(true),
    last: divider.previousElementSibling,
    parts: PARTS.map((id) => document.getElementById(id)?.cloneNode(true)),
    total: divider.parentElement.dataset.total,
    least: slider?.value,
    text: slider?.form.querySelector("output").textContent,
    scroll: scrollY,
    without: listed,
  };
}

function weakerOpened() {
  const address = opening.link.getAttribute("href");
  if (here() !== address) history.pushState(null, "", address);
  listed = here();
  opened = { ...opening, with: listed };
  opening = null;
  const list = document.getElementById("photos");
  list.dataset.total = document.getElementById("counted").dataset.total;
  setSlider(0);
  const heading = document.querySelector("[data-group=weak] h2");
  (heading ?? firstAfter(opened.last)?.querySelector(".open"))?.focus({ preventScroll: true });
  announce(gettext("Weaker matches are shown below."));
  document.dispatchEvent(new CustomEvent("scry:listed"));
}

// Without a heading of their own, the new photos simply follow.
function firstAfter(element) {
  const tiles = [...document.querySelectorAll("#photos > .tile")];
  return tiles.find((tile) => element.compareDocumentPosition(tile) & Node.DOCUMENT_POSITION_FOLLOWING);
}

// The lower end of the slider is everything.
function setSlider(value, text) {
  const slider = document.getElementById("least");
  if (!slider) return;
  slider.value = value;
  slider.dispatchEvent(new Event("input"));
  if (text) slider.form.querySelector("output").textContent = text;
}

function followHistory() {
  if (location.pathname !== page || here() === listed) return;
  if (listed === opened?.with && here() === opened.without && opened.last.isConnected) fold();
  else if (listed === opened?.without && here() === opened.with) openAgain();
  else location.reload();
}

function fold() {
  while (opened.last.nextSibling) opened.last.nextSibling.remove();
  const divider = opened.divider.cloneNode(true);
  opened.last.after(divider);
  htmx.process(divider);
  for (const part of opened.parts) if (part) document.getElementById(part.id).replaceWith(part.cloneNode(true));
  divider.parentElement.dataset.total = opened.total;
  setSlider(opened.least, opened.text);
  listed = here();
  divider.querySelector("a").focus({ preventScroll: true });
  scrollTo(0, opened.scroll);
  announce(document.getElementById("counted").textContent);
  document.dispatchEvent(new CustomEvent("scry:listed"));
}

function openAgain() {
  document.querySelector("#photos .divider a[hx-get]").click();
}
