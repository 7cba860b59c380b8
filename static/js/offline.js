// The page without a connection shows the thumbnails that were kept, if one account keeps some here.
import { PREFIX } from "./page/recent_name.js";

const part = document.querySelector("[data-recent]");

async function show() {
  if (!globalThis.caches) return; // Over plain HTTP there are none.
  const names = (await caches.keys()).filter((name) => name.startsWith(PREFIX));
  if (names.length !== 1) return;
  const cache = await caches.open(names[0]);
  const kept = (await cache.keys()).reverse();
  part.hidden = !kept.length;
  for (const request of kept) {
    const answer = await cache.match(request);
    if (answer) part.querySelector("ul").append(await item(answer));
  }
}

async function item(answer) {
  const image = new Image();
  image.src = URL.createObjectURL(await answer.blob());
  image.alt = decodeURIComponent(answer.headers.get("X-Alt"));
  const row = document.createElement("li");
  row.append(image);
  return row;
}

show();
