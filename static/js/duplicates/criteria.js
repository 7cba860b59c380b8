// Dragging the criteria for the best photo into order. The buttons of each line do the same.

export function attachCriteria(root) {
  const list = root.querySelector(".criteria .order");
  list?.addEventListener("pointerdown", (event) => {
    if (event.target.closest(".grip") && !event.button) drag(event, list);
  });
  refocus(list);
}

// The server sends a new list after each move; the focus returns to the pressed button.
let pressed = "";
document.addEventListener("click", (event) => {
  const button = event.target.closest(".order button");
  if (button) pressed = button.id;
});

function refocus(list) {
  if (!list || !pressed) return;
  const button = document.getElementById(pressed);
  const there = button?.disabled ? button.parentElement.querySelector("button:not(:disabled)") : button;
  there?.focus({ preventScroll: true });
  pressed = "";
}

function drag(event, list) {
  const line = event.target.closest("li");
  const before = names(list);
  event.preventDefault();
  line.classList.add("held");
  const onMove = (move) => {
    const others = [...list.children].filter((item) => item !== line);
    const below = others.find((item) => {
      const box = item.getBoundingClientRect();
      return move.clientY < box.top + box.height / 2;
    });
    const inPlace = below ? below.previousElementSibling === line : list.lastElementChild === line;
    if (!inPlace) list.insertBefore(line, below ?? null);
  };
  const onEnd = () => {
    line.classList.remove("held");
    document.removeEventListener("pointermove", onMove);
    document.removeEventListener("pointerup", onEnd);
    document.removeEventListener("pointercancel", onEnd);
    if (names(list) !== before) list.closest("form").requestSubmit();
  };
  // On the document, because an element that is moved loses the pointer.
  document.addEventListener("pointermove", onMove);
  document.addEventListener("pointerup", onEnd);
  document.addEventListener("pointercancel", onEnd);
}

const names = (list) => [...list.children].map((line) => line.dataset.name).join();
