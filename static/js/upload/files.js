// Where files come from: the two file fields, drops anywhere on the window, and pastes.
import { isCompanion, rememberPath, withPictures } from "./companions.js";

const overlay = document.getElementById("drop");
// A folder holds more than pictures; files of other kinds in it are skipped silently. Files that
// somebody chose one by one are all answered by name.
const PICTURE = /\.(jpe?g|png|webp|gif|avif|tiff?|bmp|hei[cf]|nef|cr[23]|arw|dng|raf|orf|rw2|pef|srw)$/i;

// Calls add(files) with the files that may be pictures.
export function attachFiles(add) {
  attachFields(add);
  attachDrop(add);
  addEventListener("paste", (event) => {
    if (event.defaultPrevented || event.target.matches("input, textarea")) return;
    if (event.clipboardData.files.length) add([...event.clipboardData.files]);
  });
}

function attachFields(add) {
  for (const id of ["pick-files", "pick-folder"]) {
    const input = document.getElementById(id);
    input.addEventListener("change", () => {
      add(id === "pick-folder" ? pictures([...input.files]) : [...input.files]);
      input.value = "";
    });
  }
  document.addEventListener("click", (event) => {
    const action = event.target.closest("[data-action]")?.dataset.action;
    if (action !== "upload" && action !== "upload-folder") return;
    event.preventDefault();
    document.getElementById(action === "upload" ? "pick-files" : "pick-folder").click();
  });
}

function pictures(files) {
  const isPicture = (file) => file.type.startsWith("image/") || PICTURE.test(file.name);
  const shown = files.filter((file) => !file.name.startsWith("."));
  const pictures = shown.filter(isPicture);
  return [...pictures, ...withPictures(shown.filter(isCompanion), pictures)];
}

function attachDrop(add) {
  let depth = 0;
  const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const show = (on) => {
    overlay.hidden = !on;
    if (!on) depth = 0;
  };
  addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    depth += 1;
    show(true);
  });
  addEventListener("dragleave", () => {
    depth -= 1;
    if (depth <= 0) show(false);
  });
  addEventListener("dragover", (event) => {
    if (hasFiles(event)) event.preventDefault();
  });
  addEventListener("drop", async (event) => {
    if (!hasFiles(event) || event.defaultPrevented) return;
    event.preventDefault();
    add(await droppedFiles(event.dataTransfer));
  });
  // The search bar keeps its drops to itself, so the overlay goes in the capturing phase.
  addEventListener("drop", () => show(false), true);
}

async function droppedFiles(data) {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...data.files];
  const files = (await Promise.all(entries.map(filesOf))).flat();
  return entries.some((entry) => entry.isDirectory) ? pictures(files) : files;
}

async function filesOf(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject)).catch(() => null);
    if (file) rememberPath(file, entry.fullPath);
    return file ? [file] : [];
  }
  const reader = entry.createReader();
  const files = [];
  for (;;) {
    // A reader returns a hundred entries at most, and none after the last.
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)).catch(() => []);
    if (!entries.length) return files;
    files.push(...(await Promise.all(entries.map(filesOf))).flat());
  }
}
