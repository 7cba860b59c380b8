// Small things that several modules need: requests to the gallery, asking, announcing.

export const csrf = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";

export function announce(text) {
  document.getElementById("announce").textContent = text;
}

export function toast(text) {
  let box = document.querySelector(".toasts");
  if (!box) {
    box = document.createElement("div");
    box.className = "toasts";
    box.setAttribute("role", "status");
    document.body.append(box);
  }
  const line = document.createElement("p");
  line.className = "toast";
  line.textContent = text;
  line.addEventListener("animationend", () => line.remove());
  box.append(line);
}

// Resolves to whether the person said yes.
export function confirmed(title) {
  const dialog = document.getElementById("confirm");
  dialog.querySelector("h2").textContent = title;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

// Deletes the photos for ever and resolves to the ids that are gone.
export async function deletePhotos(ids) {
  const gone = [];
  const waiting = [...ids];
  const one = async () => {
    for (let id = waiting.pop(); id; id = waiting.pop()) {
      const answer = await fetch(`/api/v1/photos/${id}`, {
        method: "DELETE",
        headers: { "X-CSRFToken": csrf() },
      }).catch(() => null);
      if (answer && (answer.ok || answer.status === 404)) gone.push(id);
    }
  };
  await Promise.all([one(), one(), one()]);
  for (const id of gone) removeTile(id);
  const left = ids.length - gone.length;
  if (left) toast(`${left} could not be deleted. Try again.`);
  if (gone.length) toast(gone.length === 1 ? "1 photo deleted" : `${gone.length} photos deleted`);
  htmx.trigger(document.body, "scry:changed");
  return gone;
}

function removeTile(id) {
  for (const tile of document.querySelectorAll(`.tile[data-id="${id}"]`)) {
    const day = tile.closest(".day");
    tile.remove();
    if (day && !day.querySelector(".tile")) day.remove();
  }
}

export async function askToDelete(ids) {
  if (!ids.length) return [];
  const what = ids.length === 1 ? "this photo" : `${ids.length} photos`;
  return (await confirmed(`Delete ${what} for ever?`)) ? deletePhotos(ids) : [];
}
