// Of all pages of an account only one sends at a time: the one that is looked at. It asks for its
// turn, and the page that had it ends what it is sending and gives it.
import { canKeep } from "./kept.js";

const NAME = `scry-uploads-${document.body.dataset.user}`;
let [waiting, release, channel] = [null, null, null];

export const hasTurn = () => !canKeep || Boolean(release);

// Calls onTurn() as soon as this page may send, and onAsked() when another one would like to. Whoever
// has just been asked waits without asking back.
export function takeTurn(onTurn, onAsked, { asks = true } = {}) {
  if (hasTurn()) return onTurn();
  if (!waiting) standInLine(onTurn, onAsked);
  if (asks && document.visibilityState === "visible") askOthers();
}

function standInLine(onTurn, onAsked) {
  waiting = new AbortController();
  const taken = () =>
    new Promise((resolve) => {
      [waiting, release] = [null, resolve];
      channel = new BroadcastChannel(NAME);
      channel.addEventListener("message", onAsked);
      onTurn();
    });
  navigator.locks.request(NAME, { signal: waiting.signal }, taken).catch(() => {}); // It left the line.
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

// A page that is left may be kept for Back, and would hold up all others with a turn that it never uses.
export function leaveLine() {
  waiting?.abort();
  waiting = null;
  giveTurn();
}
