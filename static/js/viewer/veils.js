// Sensitive photos are covered, and their pictures not loaded, until the cover is touched.
export function attachVeils() {
  document.addEventListener("click", (event) => {
    const veil = event.target.closest("[data-veil]");
    if (!veil) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const tile = veil.closest(".veiled");
    unveil(tile);
    tile.querySelector(".open")?.focus();
  });
}

export const isVeiled = (tile) => Boolean(tile?.classList.contains("veiled"));

export function unveil(tile) {
  for (const image of tile.querySelectorAll("img[data-src]")) {
    image.src = image.dataset.src;
    image.removeAttribute("data-src");
  }
  tile.classList.remove("veiled");
  tile.dataset.uncovered = "";
  tile.querySelector(".open")?.removeAttribute("aria-label");
  tile.querySelector("[data-veil]")?.remove();
}
