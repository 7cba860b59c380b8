// What the lightbox says of a photo and does with it beside its buttons: the name and the date at
// the bottom, which of how many it is, its download, and a slide show.
import { icon } from "../page/icon.js";
import { gettext, locale, number } from "../page/language.js";
import { isVeiled } from "./veils.js";

const SECONDS = 4; // that a photo is shown
let timer = null;

// `total` tells how many photos there are, loaded or not; 0 where what is loaded begins somewhere in between.
export function addFoot(pswp, total) {
  pswp.on("uiRegister", () => {
    const say = (name, text, where) =>
      pswp.ui.registerElement({ name, ...where, onInit: (element) => follow(pswp, element, text) });
    say("count", countOf(pswp, total), { order: 5 });
    say("foot", () => words(pswp), { appendTo: "wrapper" });
    pswp.ui.registerElement({
      name: "save",
      order: 9,
      isButton: true,
      tagName: "a",
      title: gettext("Download"),
      ariaLabel: gettext("Download"),
      onInit: (element) => {
        element.append(icon("download"));
        element.download = "";
        pswp.on("change", () => {
          element.href = `${pswp.currSlide.data.base}/original`;
        });
      },
    });
    pswp.ui.registerElement({
      name: "show",
      order: 8,
      isButton: true,
      tagName: "button",
      title: gettext("Slide show"),
      ariaLabel: gettext("Slide show"),
      onInit: (element) => {
        element.append(icon("play"));
        element.setAttribute("aria-pressed", "false");
      },
      onClick: (_event, element) => (timer ? stop(element) : start(pswp, element)),
    });
  });
  pswp.on("close", () => stop());
  // A press on the button is its own affair.
  pswp.on("pointerDown", ({ originalEvent }) => {
    if (!originalEvent.target.closest(".pswp__button--show")) stop();
  });
  pswp.on("keydown", () => stop());
}

function follow(pswp, element, text) {
  pswp.on("change", () => {
    element.textContent = text() || "";
  });
}

function countOf(pswp, total) {
  return () => {
    if (!total()) return "";
    const all = number(Math.max(total(), pswp.getNumItems()));
    return gettext("%(place)s of %(total)s", { place: number(pswp.currIndex + 1), total: all });
  };
}

function words(pswp) {
  const { name, element } = pswp.currSlide.data;
  const { taken, place } = element.dataset;
  if (isVeiled(element.closest(".tile"))) return name;
  return [name, taken && dateOf(taken), place].filter(Boolean).join(" · ");
}

// The clock on the wall where the photo was taken, wherever this browser is.
function dateOf(taken) {
  const day = locale === "en" ? "en-GB" : locale; // The day before the month, as on all pages.
  return new Date(`${taken}Z`).toLocaleString(day, { dateStyle: "long", timeStyle: "short", timeZone: "UTC" });
}

// The last photo ends it.
function start(pswp, element) {
  element.setAttribute("aria-pressed", "true");
  timer = setInterval(() => {
    if (pswp.currIndex + 1 < pswp.getNumItems()) pswp.next();
    else stop(element);
  }, SECONDS * 1000);
}

function stop(element = document.querySelector(".pswp__button--show")) {
  clearInterval(timer);
  timer = null;
  element?.setAttribute("aria-pressed", "false");
}
