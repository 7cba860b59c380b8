// The results page: the slider from more to fewer photos, weaker matches that open in place, and the
// menus of the chips.
import { photos } from "../page/amounts.js";
import { gettext } from "../page/language.js";
import { announce } from "../page/notices.js";

export function attachResults() {
  attachSlider(document.getElementById("sure"));
  let last;
  document.body.addEventListener("htmx:beforeSwap", () => {
    last = [...document.querySelectorAll("#photos > .tile")].at(-1);
  });
  document.body.addEventListener("htmx:afterSwap", (event) => {
    const { target, requestConfig } = event.detail;
    if (target.id === "found") resultsChanged(requestConfig);
    if (requestConfig.elt.closest(".divider")) weakerOpened(requestConfig.elt, last);
    if (target.matches(".why-here")) explanationLoaded(target);
  });
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll(".chip-weight[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && document.activeElement?.closest(".chip-weight[open]");
    if (!menu) return;
    event.preventDefault();
    menu.open = false;
    menu.querySelector("summary").focus();
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
  }
  announce(document.querySelector("#found .counted, #found .empty h2")?.textContent ?? "");
}

// The answer replaced the button, so the heading gets the focus.
function explanationLoaded(section) {
  section.querySelector("h2")?.focus({ preventScroll: true });
  section.scrollIntoView({ block: "start" });
}

function weakerOpened(link, last) {
  history.replaceState(history.state, "", link.getAttribute("href"));
  // All results are listed now: the lower end of the slider.
  const slider = document.getElementById("least");
  if (slider) {
    slider.value = 0;
    slider.dispatchEvent(new Event("input"));
  }
  const heading = document.querySelector("[data-group=weak] h2");
  (heading ?? nextTile(last))?.focus({ preventScroll: true });
  announce(gettext("Weaker matches are shown below."));
}

// Without a heading of their own, the new photos simply follow.
function nextTile(tile) {
  const tiles = [...document.querySelectorAll("#photos > .tile")];
  return tiles[tiles.indexOf(tile) + 1]?.querySelector(".open");
}
