// Which points lie within a line on the screen.

// Returns a Uint8Array with 1 for each point of `map` inside the polygon `line` (screen places).
export function within(map, view, line) {
  const shape = line.map((at) => view.toMap(at)).map(({ x, y }) => [x * 65535, y * 65535]);
  const xs = shape.map(([x]) => x);
  const ys = shape.map(([, y]) => y);
  const [west, east, north, south] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const marks = new Uint8Array(map.count);
  for (let n = 0; n < map.count; n++) {
    const [x, y] = [map.x[n], map.y[n]];
    if (x >= west && x <= east && y >= north && y <= south && isInside(shape, x, y)) marks[n] = 1;
  }
  return marks;
}

// A ray from the point crosses the line an odd number of times if the point is inside.
function isInside(shape, x, y) {
  let inside = false;
  for (let n = 0, last = shape.length - 1; n < shape.length; last = n++) {
    const [ax, ay] = shape[n];
    const [bx, by] = shape[last];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

export const count = (marks) => marks.reduce((total, mark) => total + mark, 0);

// Returns the marked point that is closest to the middle of all marked ones, or -1.
export function middlemost(map, marks) {
  let [x, y, many] = [0, 0, 0];
  for (let n = 0; n < map.count; n++) {
    if (!marks[n]) continue;
    x += map.x[n];
    y += map.y[n];
    many++;
  }
  let [best, least] = [-1, Infinity];
  for (let n = 0; n < map.count; n++) {
    const far = marks[n] ? Math.hypot(map.x[n] - x / many, map.y[n] - y / many) : Infinity;
    if (far < least) [best, least] = [n, far];
  }
  return best;
}
