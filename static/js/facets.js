// The facets of the results: beside them where there is room, in a sheet behind a button where
// there is not. They are asked for after the results have been painted, and again with them.
const place = document.getElementById("facets");
const body = place?.querySelector(".facets-body");
const sheet = place?.querySelector("dialog");
const wide = matchMedia("(min-width: 1081px)");
let asked = "";

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
  // The slider brings other results without another page.
  document.body.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target.id === "found" && (wide.matches || sheet.open)) load();
  });
}

function address() {
  const given = new URLSearchParams(location.search);
  // Saved searches and similar photos have another address than their query.
  if (location.pathname !== "/search") given.set("q", body.dataset.query);
  given.delete("cursor");
  return `${body.dataset.facets}?${given}`;
}

async function load() {
  if (asked === address()) return;
  asked = address();
  body.setAttribute("aria-busy", "true");
  const mine = asked;
  const answer = await fetch(mine, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (mine !== asked) return;
  const good = answer?.ok && !answer.redirected;
  if (!good) asked = "";
  body.innerHTML = good ? await answer.text() : failed(answer);
  body.removeAttribute("aria-busy");
  restore();
  place.classList.toggle("nothing", !body.querySelector("a, button"));
  htmx.process(body);
  body.querySelector(".facets-again")?.addEventListener("click", load);
}

// Which groups somebody opened or closed stays so from search to search; one with a value that is
// set is always open.
const KEPT = "scry-facets";

function restore() {
  const kept = JSON.parse(localStorage.getItem(KEPT) ?? "{}");
  for (const one of body.querySelectorAll("details[data-facet]")) {
    const set = one.querySelector("[aria-current]");
    if (!set && one.dataset.facet in kept) one.open = kept[one.dataset.facet];
    one.querySelector("summary").addEventListener("click", () => {
      const now = JSON.parse(localStorage.getItem(KEPT) ?? "{}");
      localStorage.setItem(KEPT, JSON.stringify({ ...now, [one.dataset.facet]: !one.open }));
    });
  }
}

function failed(answer) {
  const why = answer?.status === 503 ? "The figures are not ready yet." : "The figures cannot be shown now.";
  return `<p class="quiet facets-failed">${why} <button type="button" class="button small facets-again">Try again</button></p>`;
}

function open() {
  sheet.append(body);
  sheet.showModal();
  load();
}
