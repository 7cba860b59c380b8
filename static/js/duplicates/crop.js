// Finds where a cropped copy lies on the full picture: first on small drawings of both, then more
// precisely on larger ones.
import { pixels } from "./pose.js";

// For each level: width of the drawing in pixels; step of the share of the width that the copy
// covers; how many steps (`shares`) and pixels (`reach`) around the previous match are tried; every
// how many pixels (`skip`) are compared.
const LEVELS = [
  { width: 64, step: 0.02, shares: 0, reach: 0, skip: 1 },
  { width: 256, step: 0.005, shares: 4, reach: 5, skip: 3 },
  { width: 768, step: 0.00125, shares: 4, reach: 3, skip: 12 },
];
const LEAST_SHARE = 0.7;

function grey(image, width, height, pose) {
  const data = pixels(image, width, height, pose);
  const values = new Float32Array(width * height);
  for (let at = 0; at < values.length; at += 1) {
    values[at] = 0.3 * data[4 * at] + 0.59 * data[4 * at + 1] + 0.11 * data[4 * at + 2];
  }
  return { values, width, height };
}

// Correlation (-1 to 1) of `part` with the same area of `whole` at (x, y).
function likeness(whole, part, x, y, skip) {
  let [n, a, b, aa, bb, ab] = [0, 0, 0, 0, 0, 0];
  for (let at = 0; at < part.values.length; at += skip) {
    const p = part.values[at];
    const q = whole.values[(y + Math.floor(at / part.width)) * whole.width + x + (at % part.width)];
    n += 1;
    a += p;
    b += q;
    aa += p * p;
    bb += q * q;
    ab += p * q;
  }
  return (n * ab - a * b) / Math.sqrt(Math.max((n * aa - a * a) * (n * bb - b * b), 1));
}

const range = (middle, reach, most) => {
  const [from, to] = [Math.max(0, middle - reach), Math.min(most, middle + reach)];
  return Array.from({ length: Math.max(to - from + 1, 0) }, (_, place) => from + place);
};

function sharesToTry({ step, shares }, near) {
  if (near) return range(shares, shares, 2 * shares).map((place) => near.share + (place - shares) * step);
  return range(0, Math.round((1 - LEAST_SHARE) / step), 99).map((place) => 1 - place * step);
}

function search(picture, copy, shape, pose, level, near) {
  const height = Math.round((level.width * picture.naturalHeight) / picture.naturalWidth);
  const whole = grey(picture, level.width, height);
  let best = { likeness: -1 };
  for (const share of sharesToTry(level, near)) {
    const [w, h] = [Math.round(level.width * share), Math.round((level.width * share) / shape)];
    const [right, low] = [level.width - w, height - h];
    if (share > 1 || right < 0 || low < 0) continue;
    const part = grey(copy, w, h, pose);
    const xs = near ? range(Math.round(near.x * level.width), level.reach, right) : range(0, right, right);
    const ys = near ? range(Math.round(near.y * height), level.reach, low) : range(0, low, low);
    for (const y of ys) {
      for (const x of xs) {
        const here = likeness(whole, part, x, y, level.skip);
        if (here > best.likeness) best = { likeness: here, share, x: x / level.width, y: y / height };
      }
    }
  }
  return best;
}

// Returns the share of the picture's width that the copy covers, and the place (x, y) of its corner
// as shares of width and height; null if the copy is no clear part of the picture. `pose` is that
// of the copy, and `shape` is its width divided by its height in that pose.
export function cropPlace(picture, copy, shape, pose) {
  let near = null;
  for (const level of LEVELS) {
    near = search(picture, copy, shape, pose, level, near);
    if (near.likeness < 0.85) return null;
  }
  return near.likeness > 0.93 ? near : null;
}
