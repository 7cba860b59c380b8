// Finds how a copy is turned or mirrored, and the CSS transforms that lay it over the other picture.

const SIDE = 24;

// The RGBA values of a picture drawn at w by h pixels, mirrored and then turned clockwise by quarters.
export function pixels(image, w, h, { turn, mirror } = { turn: 0, mirror: false }) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [w, h];
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.imageSmoothingQuality = "high";
  pen.translate(w / 2, h / 2);
  pen.rotate((turn * Math.PI) / 2);
  pen.scale(mirror ? -1 : 1, 1);
  const [across, down] = turn % 2 ? [h, w] : [w, h];
  pen.drawImage(image, -across / 2, -down / 2, across, down);
  return pen.getImageData(0, 0, w, h).data;
}

// Brightness over a small square, normalised for exposure and contrast.
function sketch(image, turn, mirror) {
  const data = pixels(image, SIDE, SIDE, { turn, mirror });
  const grey = [];
  for (let at = 0; at < data.length; at += 4) {
    grey.push(0.3 * data[at] + 0.59 * data[at + 1] + 0.11 * data[at + 2]);
  }
  const mean = grey.reduce((sum, value) => sum + value, 0) / grey.length;
  const spread = Math.hypot(...grey.map((value) => value - mean)) || 1;
  return grey.map((value) => (value - mean) / spread);
}

// Returns the pose of `copy` that is most like `picture`. The copy stays as it is unless another pose
// is much better.
export function poseOf(picture, copy) {
  const wanted = sketch(picture, 0, false);
  const likeness = (turn, mirror) => sketch(copy, turn, mirror).reduce((sum, value, at) => sum + value * wanted[at], 0);
  let best = { turn: 0, mirror: false, likeness: likeness(0, false) };
  if (best.likeness > 0.9) return best;
  const asItIs = best.likeness;
  for (const mirror of [false, true]) {
    for (const turn of [0, 1, 2, 3]) {
      const here = likeness(turn, mirror);
      if (here > best.likeness && here > 0.8 && here - asItIs > 0.15) best = { turn, mirror, likeness: here };
    }
  }
  return best;
}

// The CSS transform that poses a picture of w by h pixels so that it still fits into the box.
export function poseTransform({ turn, mirror }, w, h, box) {
  if (!turn && !mirror) return "";
  const fit = (a, b) => Math.min(box.width / a, box.height / b);
  const scale = turn % 2 ? fit(h, w) / fit(w, h) : 1;
  const [x, y] = [box.width / 2, box.height / 2];
  const turned = `rotate(${turn * 90}deg) scale(${mirror ? -scale : scale}, ${scale})`;
  return `translate(${x}px, ${y}px) ${turned} translate(${-x}px, ${-y}px)`;
}

// The CSS transform that lays B over its place in A, both drawn to fit into the box. `crop` comes
// from cropPlace: of B in A or, if `inverse`, of A in B. A shape is width divided by height.
export function cropTransform(crop, inverse, shapeA, shapeB, box) {
  if (!crop) return "";
  const fitted = (shape) => {
    const w = Math.min(box.width, box.height * shape);
    const h = w / shape;
    return { w, h, x: (box.width - w) / 2, y: (box.height - h) / 2 };
  };
  const [a, b] = [fitted(shapeA), fitted(shapeB)];
  const w = inverse ? a.w / crop.share : a.w * crop.share;
  const x = inverse ? a.x - crop.x * w : a.x + crop.x * a.w;
  const y = inverse ? a.y - (crop.y * w) / shapeB : a.y + crop.y * a.h;
  const scale = w / b.w;
  return `translate(${x - scale * b.x}px, ${y - scale * b.y}px) scale(${scale})`;
}
