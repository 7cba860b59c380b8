// A page that is loaded anew while the viewer is open shows the viewer again, with the photos around.
import { open } from "./lightbox.js";

export async function attachDirect() {
  const page = document.querySelector(".photo-page[data-start]");
  if (!page || !history.state?.lightbox) return;
  const around = await photosFrom(`/?after=${page.dataset.start}&stacks=all`);
  const link = around?.querySelector(`.tile .open[href="${location.pathname}"]`);
  // Somebody may have begun to write, or have opened the picture.
  if (!link || page.contains(document.activeElement) || document.querySelector(".pswp, dialog[open]")) return;
  page.after(around);
  await open(link, () => history.back());
  page.hidden = true;
  // Forward leads to the page as it was left, without the viewer.
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
