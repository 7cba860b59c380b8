// Files that belong to a picture: the video of a Live Photo, and sidecars. They are sent after the
// pictures, and the server is told which photos those became.
const COMPANION = /\.(mov|mp4|m4v|mp|mv|xmp|aae|json)$/i;
const MOST = 50;
// The paths of dropped files, which the files themselves do not tell.
const paths = new WeakMap();

export const rememberPath = (file, path) => paths.set(file, path);

function folderOf(file) {
  const path = paths.get(file) ?? file.webkitRelativePath ?? "";
  return path.slice(0, path.lastIndexOf("/") + 1);
}

export const isCompanion = (file) => COMPANION.test(file.name);

// All that names of one shot have in common: IMG_1.HEIC, IMG_1.MOV, IMG_1-edited.jpg, IMG_1.jpg(2).json.
const start = (file) => file.name[0] + file.name.slice(1).split(/[.(]/)[0].replace(/_HEVC$/i, "");

const isBeside = (picture, file) =>
  folderOf(picture) === folderOf(file) && picture.name.toLowerCase().startsWith(start(file).toLowerCase());

// Of a folder only those are sent that seem to belong to one of its pictures.
export function withPictures(companions, pictures) {
  return companions.filter((file) => pictures.some((picture) => isBeside(picture, file)));
}

// Returns names and photo ids of the pictures that a file may belong to, those of like names first.
export function picturesBeside(file, jobs) {
  const near = jobs.filter((job) => job.id && !isCompanion(job.file) && isBeside(job.file, file));
  near.sort((one, other) => one.file.name.length - other.file.name.length);
  return Object.fromEntries(near.slice(0, MOST).map((job) => [job.file.name, job.id]));
}
