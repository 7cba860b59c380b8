// How a copy has to be turned or mirrored so that it lies on the other picture.

const SIDE = 24;

// The pixels of a picture drawn into w by h pixels, mirrored and then turned by quarters clockwise.
export function drawn(image, w, h, { turn, mirror } = { turn: 0, mirror: false }) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [w, h];
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.imageSmoothingQuality = "high";
  pen.translate(w / 2, h / 2);
  pen.rotate((turn * Math.PI) / 2);
  pen.scale(mirror ? -1 : 1, 1);
  const [across, down] = turn % 2 ? [h, w] : [w, h];
  pen.drawImage(image, -across / 2, -down / 2, across, down);
  return pen.getImageData(0, 0, w, h);
}

// Brightness over a small square, free of how bright and how rich in contrast the picture is.
function sketch(image, turn, mirror) {
  const { data } = drawn(image, SIDE, SIDE, { turn, mirror });
  const grey = [];
  for (let at = 0; at < data.length; at += 4) grey.push(0.3 * data[at] + 0.59 * data[at + 1] + 0.11 * data[at + 2]);
  const mean = grey.reduce((sum, value) => sum + value, 0) / grey.length;
  const spread = Math.hypot(...grey.map((value) => value - mean)) || 1;
  return grey.map((value) => (value - mean) / spread);
}

// Returns the pose of `copy` that is closest to `picture`; as it is, unless another is far closer.
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

// The CSS transform that puts a picture of w by h pixels, drawn to fit into a box, into a pose in
// which it fits into the box again.
export function transformOf({ turn, mirror }, w, h, box) {
  if (!turn && !mirror) return "";
  const fit = (a, b) => Math.min(box.width / a, box.height / b);
  const scale = turn % 2 ? fit(h, w) / fit(w, h) : 1;
  const [x, y] = [box.width / 2, box.height / 2];
  return `translate(${x}px, ${y}px) rotate(${turn * 90}deg) scale(${mirror ? -scale : scale}, ${scale}) translate(${-x}px, ${-y}px)`;
}

// The CSS transform that lays B, drawn to fit into the box, onto the place that it has in A; `crop`
// is what placeOf gave, of B in A or, where `inverse`, of A in B. Shapes are width by height.
export function layOf(crop, inverse, shapeA, shapeB, box) {
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
