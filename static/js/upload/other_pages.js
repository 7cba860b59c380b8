// While another page sends its files, a waiting page is told the outcome of each.
import { canKeep } from "./kept.js";

const NAME = `scry-uploads-files-${document.body.dataset.user}`;
let channel = null;

// Open channels keep a page from being restored by Back in some browsers, so it closes with the page.
export function hearOtherPages(onTold) {
  if (!canKeep) return;
  const open = () => {
    channel ??= new BroadcastChannel(NAME);
    channel.onmessage = ({ data }) => onTold(data);
  };
  open();
  addEventListener("pageshow", open);
  addEventListener("pagehide", () => {
    channel?.close();
    channel = null;
  });
}

export const tellOtherPages = (what) => channel?.postMessage(what);
