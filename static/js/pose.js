// How a copy has to be turned or mirrored so that it lies on the other picture.

const SIDE = 24;

// Brightness of a picture drawn into a small square, after a quarter turn `turn` times clockwise
// and, before that, mirrored.
function sketch(image, turn, mirror) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.translate(SIDE / 2, SIDE / 2);
  pen.rotate((turn * Math.PI) / 2);
  pen.scale(mirror ? -1 : 1, 1);
  pen.drawImage(image, -SIDE / 2, -SIDE / 2, SIDE, SIDE);
  const { data } = pen.getImageData(0, 0, SIDE, SIDE);
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
