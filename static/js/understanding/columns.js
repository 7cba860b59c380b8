// The map as the gallery sends it: columns of numbers, and ids on demand.
import { signedOut } from "../page/api.js";

const HEADER_BYTES = 32;

async function bytes(path) {
  const answer = await fetch(path).catch(() => null);
  if (answer?.status === 401 || answer?.status === 403) signedOut();
  if (!answer?.ok) {
    const said = await answer?.json().catch(() => null);
    throw new Error(said?.message ?? "");
  }
  const content = await answer.arrayBuffer();
  const head = new DataView(content);
  const version = new TextDecoder().decode(content.slice(16, HEADER_BYTES));
  return { content, count: head.getUint32(8, true), version };
}

// Resolves to {count, version, x, y, theme, finer}; throws an Error with the reason.
export async function loadColumns(path) {
  const { content, count, version } = await bytes(path);
  const column = (number) => new Uint16Array(content, HEADER_BYTES + 2 * number * count, count);
  return { count, version, x: column(0), y: column(1), theme: column(2), finer: column(3) };
}

// Resolves to the ids of all photos in the order of the columns, and their version.
export async function loadIds(path) {
  const { content, count, version } = await bytes(path);
  const all = new Uint8Array(content, HEADER_BYTES);
  const id = (n) => {
    const hex = [...all.subarray(16 * n, 16 * n + 16)].map((part) => part.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  };
  return { count, version, id };
}
