// The outline of the world: land and borders, drawn from a file of the gallery.
const { L } = globalThis;
const WORLDS = [-360, 0, 360];

export async function drawOutline(map, path) {
  const answer = await fetch(path).catch(() => null);
  const world = answer?.ok ? await answer.json() : null;
  if (!world) return;
  map.createPane("outline").style.zIndex = 150; // below tiles
  const renderer = L.svg({ pane: "outline", padding: 0.5 });
  for (const by of WORLDS) {
    const options = { renderer, interactive: false, smoothFactor: 0.5 };
    const lines = (all) => all.map((line) => points(line, by));
    L.polygon(lines(world.land), { ...options, className: "places-land" }).addTo(map);
    L.polyline(lines(world.borders), { ...options, className: "places-borders" }).addTo(map);
  }
}

// Lines are stored as differences in hundredths of a degree: longitude, latitude, and so on.
function points(line, by) {
  let [x, y] = [100 * by, 0];
  const made = [];
  for (let at = 0; at < line.length; at += 2) {
    x += line[at];
    y += line[at + 1];
    made.push([Math.max(y / 100, -85.06), x / 100]);
  }
  return made;
}
