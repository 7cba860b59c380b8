// Short messages: announced to screen readers, or shown for some seconds.

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

// Shows a line for some seconds. `action` adds a button: its label, act() for a click, and over()
// for when the time is up.
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
    button.addEventListener("click", () => {
      line.remove();
      action.act();
    });
    line.append(button);
  }
  line.addEventListener("animationend", () => {
    line.remove();
    action?.over?.();
  });
  const box = toasts();
  box.append(line);
  while (box.children.length > 3) box.firstElementChild.remove();
  return line;
}
