// Files that belong to a picture: the video of a Live Photo, and sidecars. They are sent after the
// pictures, and the server is told which photos those became.

const COMPANION = /\.(mov|mp4|m4v|mp|mv|xmp|aae|json)$/i;
const MOST = 50;
// The paths of dropped files, which the files themselves do not tell.
const paths = new WeakMap();

export const isCompanion = (file) => COMPANION.test(file.name);
export const rememberPath = (file, path) => paths.set(file, path);
export const pathOf = (file) => paths.get(file) ?? file.webkitRelativePath ?? "";

function folderOf(file) {
  const path = pathOf(file);
  return path.slice(0, path.lastIndexOf("/") + 1);
}

const placeOf = (picture) => folderOf(picture) + picture.name.toLowerCase();

// How the places of pictures begin that a file may belong to: IMG_1 for IMG_1.MOV, IMG_1_HEVC.MOV,
// IMG_1.jpg(2).json, IMG_O1.AAE and IMG_1_01.CR2.xmp.
function startsOf(file) {
  const name = file.name.toLowerCase();
  const start = name[0] + name.slice(1).split(/[.(]/)[0];
  const others = [/_hevc$/, /_\d\d$/, /(?<=^img_)[eo](?=\d)/].map((more) => start.replace(more, ""));
  return [...new Set([start, ...others])].map((one) => folderOf(file) + one);
}

// Of a folder only those are sent that seem to belong to one of its pictures.
export function withPictures(companions, pictures) {
  const places = pictures.map(placeOf).sort();
  return companions.filter((file) => startsOf(file).some((start) => someBegins(places, start)));
}

function someBegins(sorted, start) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < start) low = middle + 1;
    else high = middle;
  }
  return Boolean(sorted[low]?.startsWith(start));
}

// Returns names and photo ids of the pictures that a file may belong to, those of short names first.
export function picturesBeside(file, jobs) {
  const starts = startsOf(file);
  const sent = jobs.filter((job) => job.id && !isCompanion(job.file));
  const near = sent.filter((job) => starts.some((start) => placeOf(job.file).startsWith(start)));
  near.sort((one, other) => one.file.name.length - other.file.name.length);
  return Object.fromEntries(near.slice(0, MOST).map((job) => [job.file.name, job.id]));
}
