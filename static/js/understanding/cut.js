// The slider of a label's cut says how many photos lie above it while it is dragged.
import { photos } from "../page/amounts.js";

export function attachCut() {
  document.addEventListener("input", (event) => {
    const slider = event.target.closest?.(".cut-slider");
    if (!slider) return;
    const counts = slider.dataset.counts.split(" ");
    const said = photos(Number(counts[slider.value]));
    slider.setAttribute("aria-valuetext", said);
    slider.closest("form").querySelector("output").textContent = said;
  });
}
