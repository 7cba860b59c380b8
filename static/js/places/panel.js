// The panel with the photos of a cluster: beside the map, and on a phone below it.
import { ngettext } from "../page/language.js";
import { boundsOf } from "./position.js";

const CLOSEST_FIT = 17;

export function makePanel(section, map) {
  const panel = section.querySelector(".places-panel");
  const title = panel.querySelector("h2");
  const photos = panel.querySelector(".places-photos");
  let area = "";
  let opener = null;

  function open(cluster, marker) {
    ({ area } = cluster);
    opener = marker.getElement();
    const many = ngettext("%(count)s photo", "%(count)s photos", cluster.count);
    title.textContent = cluster.place || many;
    photos.replaceChildren();
    panel.hidden = false;
    htmx.ajax("GET", `${section.dataset.photos}?${new URLSearchParams({ area })}`, { target: photos });
    title.focus({ preventScroll: true });
    map.invalidateSize({ pan: false });
    map.panInside(marker.getLatLng(), { padding: [64, 64] });
  }

  function close() {
    panel.hidden = true;
    photos.replaceChildren();
    (opener?.isConnected ? opener : map.getContainer()).focus({ preventScroll: true });
  }

  const acts = { close, closer: () => map.fitBounds(boundsOf(area), { maxZoom: CLOSEST_FIT, padding: [48, 48] }) };
  panel.addEventListener("click", (event) => acts[event.target.closest("[data-places]")?.dataset.places]?.());
  section.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !panel.hidden) close();
  });
  return { open };
}
