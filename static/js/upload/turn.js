// Of all pages of an account only one sends at a time: the one that is looked at. It asks for its
// turn, and the page that had it ends what it is sending and gives it.
import { canKeep } from "./kept.js";

const NAME = `scry-uploads-${document.body.dataset.user}`;
let [isWaiting, release, channel] = [false, null, null];

export const hasTurn = () => !canKeep || Boolean(release);

// Calls onTurn() as soon as this page may send, and onAsked() when another one would like to. Whoever
// has just been asked waits without asking back.
export function takeTurn(onTurn, onAsked, { asks = true } = {}) {
  if (hasTurn()) return onTurn();
  if (asks && document.visibilityState === "visible") askOthers();
  if (isWaiting) return;
  isWaiting = true;
  navigator.locks.request(
    NAME,
    () =>
      new Promise((resolve) => {
        [isWaiting, release] = [false, resolve];
        channel = new BroadcastChannel(NAME);
        channel.addEventListener("message", onAsked);
        onTurn();
      }),
  );
}

function askOthers() {
  const asking = new BroadcastChannel(NAME);
  asking.postMessage("turn");
  asking.close();
}

export function giveTurn() {
  channel?.close();
  release?.();
  [release, channel] = [null, null];
}
