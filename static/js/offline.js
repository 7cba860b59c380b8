// The page without a connection shows the thumbnails that were kept, if one account keeps some here.
import { PREFIX } from "./page/recent_name.js";

const part = document.querySelector("[data-recent]");

async function show() {
  const names = (await caches.keys()).filter((name) => name.startsWith(PREFIX));
  if (names.length !== 1) return;
  const cache = await caches.open(names[0]);
  const kept = (await cache.keys()).reverse();
  part.hidden = !kept.length;
  for (const request of kept) part.querySelector("ul").append(await item(await cache.match(request)));
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
