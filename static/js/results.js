// The results page: the slider that says how sure matches must be, weaker matches that open in
// place, and the menus of the chips.
import { announce, photos } from "./page.js";

export function attachResults() {
  attachSlider(document.getElementById("sure"));
  document.body.addEventListener("htmx:afterSwap", (event) => {
    const { target, requestConfig } = event.detail;
    if (target.id === "found") found(requestConfig);
    if (requestConfig.elt.closest(".divider")) opened(requestConfig.elt);
    if (target.matches(".why-here")) explained(target);
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

// The counts of all steps are in the page, so that moving asks the server nothing.
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

// What the slider was set to stands in the address, so that Back and a reload keep it.
function found({ elt, parameters, path }) {
  if (elt.id === "sure") {
    const values = parameters instanceof FormData ? parameters : Object.entries(parameters ?? {});
    const query = new URLSearchParams([...values]);
    history.replaceState(history.state, "", `${path.split("?")[0]}?${query}`);
  }
  announce(document.querySelector("#found .counted, #found .empty h2")?.textContent ?? "");
}

// The button that asked is gone, so its place gets the focus.
function explained(section) {
  section.querySelector("h2")?.focus({ preventScroll: true });
  section.scrollIntoView({ block: "start" });
}

function opened(link) {
  history.replaceState(history.state, "", link.getAttribute("href"));
  // Everything is listed now, which is the slider's lower end.
  const slider = document.getElementById("least");
  if (slider) {
    slider.value = 0;
    slider.dispatchEvent(new Event("input"));
  }
  document.querySelector("[data-weaker] h2")?.focus({ preventScroll: true });
  announce("Weaker matches are shown below.");
}
