// The address of a photo opens the same viewer as a click in the grid, with the photos before and after it.
import { open, toggleDrawer } from "./lightbox.js";

const WIDE = "(min-width: 900px)"; // where the details fit beside the photo

export async function attachDirect() {
  const page = document.querySelector(".photo-page[data-start]");
  // What a form refused is said on the page.
  if (!page || page.querySelector(".marks > .field-error") || new URLSearchParams(location.search).has("show")) return;
  const here = `/?after=${page.dataset.start}`;
  const around = await photosFrom(`${here}&stacks=all`);
  const link = around?.querySelector(`.tile .open[href="${location.pathname}"]`) ?? page.querySelector(".picture");
  // Somebody may have begun to write, or have opened the picture.
  if (!link || page.contains(document.activeElement) || document.querySelector(".pswp, dialog[open]")) return;
  if (around) page.after(around);
  const leave = () => {
    page.hidden = false;
    if (history.state?.lightbox) history.back();
    else location.assign(around ? here : "/");
  };
  await open(link, leave);
  page.hidden = true;
  if (matchMedia(WIDE).matches) toggleDrawer();
  // Back shows the page as it was left, without the viewer.
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted && !document.querySelector(".pswp")) location.reload();
  });
}

// Resolves to the grid that begins with the photo; the page does not show it.
async function photosFrom(address) {
  const answer = await fetch(address).catch(() => null);
  const page = new DOMParser().parseFromString(answer?.ok ? await answer.text() : "", "text/html");
  const found = page.querySelector("main #photos[data-grid]");
  if (!found) return null;
  found.removeAttribute("id");
  found.hidden = true;
  for (const image of found.querySelectorAll("img")) image.loading = "lazy";
  htmx.process(document.adoptNode(found));
  return found;
}
