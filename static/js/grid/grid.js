// The grid: joins the two halves of a day that was split over pages, loads thumbnails once they
// exist, marks the year in view, and moves the focus with the arrow keys.

const years = document.querySelector(".years");
let hideYears;

export function attachGrid(root) {
  joinDays();
  watchWaiting(root);
  markYear();
}

// Scripts add tiles too, and their thumbnails may not exist yet.
document.addEventListener("scry:tiles", (event) => watchWaiting(event.detail));

// A page may end in the middle of a day. The next page then starts with a section for the rest.
export function joinDays() {
  for (const day of document.querySelectorAll(".day")) {
    const before = day.previousElementSibling;
    if (!before || before.dataset.day !== day.dataset.day) continue;
    const sum = (part) => Number(part.style.getPropertyValue("--sum"));
    before.style.setProperty("--sum", sum(before) + sum(day));
    if (day.dataset.start) day.querySelector(".tile").dataset.start = day.dataset.start;
    before.querySelector(".rows").append(...day.querySelectorAll(".tile"));
    before.classList.remove("sparse");
    day.remove();
  }
}

export const tilesOf = (id) => document.querySelectorAll(`.tile[data-id="${id}"]`);

// Removes a tile, and its day when that is empty.
export function removeTile(tile) {
  const day = tile.closest(".day");
  tile.remove();
  if (day && !day.querySelector(".tile")) day.remove();
}

// --- thumbnails that do not exist yet ---

const inView = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      inView.unobserve(entry.target);
      fetchThumbnail(entry.target, 0);
    }
  },
  { rootMargin: "400px" },
);

function watchWaiting(root) {
  for (const place of root.querySelectorAll(".waiting[data-src]")) inView.observe(place);
}

function fetchThumbnail(place, tries) {
  if (!place.isConnected || tries > 40) return;
  const image = new Image();
  image.alt = place.closest(".open").dataset.name;
  const show = () => {
    place.replaceWith(image);
    image.dispatchEvent(new Event("load")); // Outside the page, nobody heard the first one.
  };
  image.addEventListener("load", show, { once: true });
  image.addEventListener("error", () => {
    setTimeout(() => fetchThumbnail(place, tries + 1), Math.min(700 * 1.25 ** tries, 20000));
  });
  image.src = `${place.dataset.src}?try=${tries}`;
}

// A preview is made when it is first asked for, which may take its turn. The thumbnail is there.
document.addEventListener(
  "error",
  ({ target }) => {
    if (target.matches?.(".tile img[srcset]")) target.removeAttribute("srcset");
  },
  true,
);

// --- the year in view ---

function markYear() {
  if (!years) return;
  const line = 120;
  const days = [...document.querySelectorAll(".day")];
  const day = days.findLast((section) => section.getBoundingClientRect().top < line) ?? days[0];
  for (const link of years.children) {
    if (link.dataset.year === day?.dataset.year) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

if (years) {
  let due = false;
  addEventListener(
    "scroll",
    () => {
      years.classList.add("near");
      clearTimeout(hideYears);
      hideYears = setTimeout(() => years.classList.remove("near"), 1500);
      if (due) return;
      due = true;
      requestAnimationFrame(() => {
        due = false;
        markYear();
      });
    },
    { passive: true },
  );
  years.addEventListener("click", (event) => {
    const year = event.target.closest("[data-year]")?.dataset.year;
    const day = year && document.querySelector(`.day[data-year="${year}"]`);
    if (!day) return;
    event.preventDefault();
    day.scrollIntoView();
  });
}

// --- moving with the arrow keys ---

let column = null; // where going up and down began, and the link that it has led to

// Moves the focus to a neighbouring tile; returns false when the page has no tiles.
export function moveFocus(key) {
  const links = [...document.querySelectorAll("[data-grid] .tile .open")];
  if (!links.length) return false;
  const at = links.indexOf(document.activeElement?.closest(".tile")?.querySelector(".open"));
  const target = at < 0 ? firstInView(links) : neighbour(links, at, key);
  target?.focus();
  target?.scrollIntoView({ block: "nearest" });
  return true;
}

function neighbour(links, at, key) {
  if (key === "Home") return links[0];
  if (key === "End") return links.at(-1);
  if (key === "ArrowLeft") return links[at - 1];
  if (key === "ArrowRight") return links[at + 1];
  return nearestRow(links, at, key === "ArrowDown" ? 1 : -1);
}

function firstInView(links) {
  return links.find((link) => link.getBoundingClientRect().bottom > 120) ?? links[0];
}

// The link in the next row whose middle is nearest to where going up and down began.
function nearestRow(links, at, step) {
  const box = links[at].getBoundingClientRect();
  const middle = (rect) => rect.left + rect.width / 2;
  const from = column?.link === links[at] ? column.x : middle(box);
  let best, row;
  for (let i = at + step; links[i]; i += step) {
    const here = links[i].getBoundingClientRect();
    if (Math.abs(here.top - box.top) < 4) continue;
    row ??= here.top;
    if (Math.abs(here.top - row) > 4) break;
    const gap = Math.abs(middle(here) - from);
    if (!best || gap < best.gap) best = { gap, link: links[i] };
  }
  column = best && { link: best.link, x: from };
  return best?.link;
}
