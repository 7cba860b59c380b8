// Small things that several modules need: numbers in words, requests to the gallery, announcing
// and asking.

export const csrf = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";

export const photos = (count) => `${count.toLocaleString("en")} photo${count === 1 ? "" : "s"}`;

export function size(bytes) {
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  const step = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
  return `${(bytes / 1024 ** step).toFixed(step ? 1 : 0)} ${units[step]}`;
}

// A new icon: the symbol of this name in icons.svg, whose address the page knows.
export function icon(name) {
  const svg = document.querySelector(".topbar .icon").cloneNode(true);
  const use = svg.firstElementChild;
  use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${name}`));
  return svg;
}

// Asks the API; resolves to whether it did so, what it said, and for people why it did not.
export async function request(method, path, body) {
  const answer = await fetch(path, {
    method,
    headers: { "Content-Type": "application/json", "X-CSRFToken": csrf() },
    body: body && JSON.stringify(body),
  }).catch(() => null);
  const said = await answer?.json().catch(() => null);
  if (answer?.status === 401 || answer?.status === 403) location.reload();
  return { ok: Boolean(answer?.ok), status: answer?.status, said, why: said?.message ?? "The gallery cannot be reached." };
}

export function announce(text) {
  document.getElementById("announce").textContent = text;
}

function toasts() {
  let box = document.querySelector(".toasts");
  if (!box) {
    box = document.createElement("div");
    box.className = "toasts";
    box.setAttribute("role", "status");
    document.body.append(box);
  }
  return box;
}

// Shows a line for some seconds, with a button where there is something to do about it.
export function toast(text, action) {
  const line = document.createElement("div");
  line.className = "toast";
  const words = document.createElement("span");
  words.textContent = text;
  line.append(words);
  if (action) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = action.label;
    button.addEventListener("click", () => { line.remove(); action.act(); });
    line.append(button);
  }
  line.addEventListener("animationend", () => { line.remove(); action?.over?.(); });
  const box = toasts();
  box.append(line);
  while (box.children.length > 3) box.firstElementChild.remove();
  return line;
}

// Resolves to whether the person said yes.
export function confirmed(title, { text = "This cannot be undone.", yes = "Delete" } = {}) {
  const dialog = document.getElementById("confirm");
  dialog.querySelector("h2").textContent = title;
  dialog.querySelector("p").textContent = text;
  dialog.querySelector('[value="yes"]').textContent = yes;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
