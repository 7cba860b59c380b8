// The facets of the results: beside them on wide screens, in a sheet behind a button on narrow ones.
// They are loaded after the results, and again when the results change.
import { gettext } from "../page/language.js";

const place = document.getElementById("facets");
const body = place?.querySelector(".facets-body");
const sheet = place?.querySelector("dialog");
const wide = matchMedia("(min-width: 1081px)");
let loadedAddress = "";

export function attachFacets() {
  if (!body) return;
  const soon = globalThis.requestIdleCallback ?? setTimeout;
  soon(() => wide.matches && load());
  wide.addEventListener("change", () => {
    if (!wide.matches) return;
    sheet.close();
    load();
  });
  place.querySelector(".facets-open").addEventListener("click", open);
  place.querySelector(".facets-close").addEventListener("click", () => sheet.close());
  sheet.addEventListener("click", (event) => event.target === sheet && sheet.close());
  sheet.addEventListener("close", () => sheet.before(body));
  // The slider and weaker matches change the results without a new page.
  const again = () => (wide.matches || sheet.open) && load();
  document.body.addEventListener("htmx:afterSettle", (event) => event.detail.target.id === "found" && again());
  document.addEventListener("scry:listed", again);
}

function address() {
  const given = new URLSearchParams(location.search);
  // The address of a saved search or of similar photos does not contain the query.
  if (location.pathname !== "/search") given.set("q", body.dataset.query);
  given.delete("cursor");
  return `${body.dataset.facets}?${given}`;
}

async function load() {
  const mine = address();
  if (loadedAddress === mine) return;
  loadedAddress = mine;
  body.setAttribute("aria-busy", "true");
  const answer = await fetch(mine, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (mine !== loadedAddress) return;
  const good = answer?.ok && !answer.redirected;
  if (good) body.innerHTML = await answer.text();
  else showFailure(answer);
  body.removeAttribute("aria-busy");
  restoreOpen();
  place.classList.toggle("nothing", !body.querySelector("a, button"));
  htmx.process(body);
}

// Groups stay open or closed from search to search. A group with a chosen value is always open.
const OPEN_KEY = "scry-facets";
const storedOpen = () => JSON.parse(localStorage.getItem(OPEN_KEY) ?? "{}");

function restoreOpen() {
  const stored = storedOpen();
  for (const group of body.querySelectorAll("details[data-facet]")) {
    const { facet } = group.dataset;
    if (!group.querySelector("[aria-current]") && facet in stored) group.open = stored[facet];
    group.querySelector("summary").addEventListener("click", () => {
      localStorage.setItem(OPEN_KEY, JSON.stringify({ ...storedOpen(), [facet]: !group.open }));
    });
  }
}

function showFailure(answer) {
  loadedAddress = "";
  body.innerHTML = `
    <p class="quiet facets-failed">
      <span></span> <button type="button" class="button small"></button>
    </p>`;
  body.querySelector("span").textContent =
    answer?.status === 503 ? gettext("The counts are not ready yet.") : gettext("The counts cannot be shown now.");
  const button = body.querySelector("button");
  button.textContent = gettext("Try again");
  button.addEventListener("click", load);
}

function open() {
  sheet.append(body);
  sheet.showModal();
  load();
}
