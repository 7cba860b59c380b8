// What is drawn on the map: clusters of photos, and the names of towns.
import { icon } from "../page/icon.js";
import { ngettext, number } from "../page/language.js";
import { closestTo, onMap } from "./position.js";

const { L } = globalThis;
const SIDE = 56;

// Returns what shows the clusters that it is given. Those that were there stay, with the focus.
export function makeClusters(map, open) {
  const shown = new Map();

  return (clusters) => {
    const wanted = new Map(clusters.map((cluster) => [`${cluster.photo} ${cluster.area}`, cluster]));
    for (const [key, marker] of shown) {
      if (wanted.has(key)) continue;
      marker.remove();
      shown.delete(key);
    }
    const middle = map.getCenter().lng;
    for (const [key, cluster] of wanted) {
      const at = [onMap(cluster.latitude), closestTo(middle, cluster.longitude)];
      if (shown.has(key)) shown.get(key).setLatLng(at);
      else shown.set(key, makeMarker(cluster, at, open).addTo(map));
    }
    for (const [key, cluster] of wanted) label(shown.get(key).getElement(), cluster);
  };
}

function makeMarker(cluster, at, open) {
  const shape = L.divIcon({ className: "places-cluster", html: picture(cluster), iconSize: [SIDE, SIDE] });
  const marker = L.marker(at, {
    icon: shape,
    riseOnHover: true,
    zIndexOffset: 100 * Math.round(Math.log2(cluster.count)),
  });
  marker.on("click", () => open(cluster, marker));
  marker.on("add", () => {
    marker.getElement().addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      open(cluster, marker);
    });
  });
  return marker;
}

function label(element, { count, place, name }) {
  const photos = count === 1 ? name : ngettext("%(count)s photo", "%(count)s photos", count);
  const text = place ? `${photos}, ${place}` : photos;
  element.setAttribute("aria-label", text);
  element.title = text;
}

function picture({ thumbnail, count }) {
  const box = document.createElement("span");
  box.className = "places-picture";
  if (thumbnail) {
    const image = new Image(SIDE, SIDE);
    image.src = thumbnail;
    image.alt = "";
    image.draggable = false;
    image.addEventListener("error", () => image.replaceWith(icon("photos")));
    box.append(image);
  } else box.append(icon("photos"));
  if (count > 1) {
    const badge = document.createElement("b");
    badge.textContent = number(count);
    box.append(badge);
  }
  return box;
}

// Returns what names towns, the largest first, where there is room.
export function makeTowns(map) {
  const pane = map.createPane("towns");
  pane.style.zIndex = 450; // below clusters
  pane.style.pointerEvents = "none";
  const layer = L.layerGroup().addTo(map);

  return (towns) => {
    layer.clearLayers();
    const taken = [];
    const middle = map.getCenter().lng;
    for (const { name, latitude, longitude } of towns) {
      const at = [latitude, closestTo(middle, longitude)];
      const { x, y } = map.latLngToContainerPoint(at);
      const width = 8 * name.length + 16;
      if (taken.some((other) => Math.abs(other.y - y) < 22 && x < other.x + other.width && other.x < x + width))
        continue;
      taken.push({ x, y, width });
      const html = document.createElement("span");
      html.textContent = name;
      const shape = L.divIcon({ className: "places-town", html, iconSize: null });
      L.marker(at, { icon: shape, pane: "towns", interactive: false, keyboard: false }).addTo(layer);
    }
  };
}
