// Areas and positions: as the map has them, as the API takes them, and as addresses name them.

const round = (degrees, places = 5) => Number(degrees.toFixed(places));
const wrap = (longitude) => ((((longitude + 180) % 360) + 360) % 360) - 180;
const EDGE = 85; // Here the map ends. What is nearer to a pole lies on its edge.

// Where a latitude is drawn.
export const onMap = (latitude) => Math.min(Math.max(latitude, -EDGE), EDGE);

// The longitude, perhaps beyond 180 degrees, at which something is drawn closest to `middle`.
export const closestTo = (middle, longitude) => longitude + 360 * Math.round((middle - longitude) / 360);

// The sides of what is in view. Several worlds beside each other are one.
export function areaOf(bounds) {
  const south = bounds.getSouth() <= -EDGE ? -90 : round(bounds.getSouth());
  const north = bounds.getNorth() >= EDGE ? 90 : round(bounds.getNorth());
  if (bounds.getEast() - bounds.getWest() >= 360) return { south, west: -180, north, east: 180 };
  return { south, west: round(wrap(bounds.getWest())), north, east: round(wrap(bounds.getEast())) };
}

// The corners of an area that is written as in a query.
export function boundsOf(area) {
  const [south, west, north, east] = area.split(",").map(Number);
  return [
    [onMap(south), west],
    [onMap(north), east < west ? east + 360 : east],
  ];
}

// What an address names after "#": zoom/latitude/longitude, or an area. Null for anything else.
export function readPlace(hash) {
  const text = decodeURIComponent(hash.slice(1));
  const [zoom, latitude, longitude] = text.split("/").map(Number);
  if (text.split("/").length === 3 && [zoom, latitude, longitude].every(Number.isFinite)) {
    return { zoom: Math.min(Math.max(zoom, 1), 18), at: [onMap(latitude), longitude] };
  }
  const sides = text.split(",").map(Number);
  return sides.length === 4 && sides.every(Number.isFinite) ? { bounds: boundsOf(text) } : null;
}

// Puts what is in view into the address, so that Back comes to it again.
export function writePlace(map) {
  const { lat, lng } = map.getCenter();
  history.replaceState(history.state, "", `#${map.getZoom()}/${round(lat)}/${round(wrap(lng))}`);
}
