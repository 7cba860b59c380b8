// Photos for the album of another person: any number, by the upload card of all other pages. Each is
// taken into one's own gallery and then added here.
import { csrf } from "../page/api.js";
import { gettext } from "../page/language.js";
import { setError, setLink } from "../upload/card.js";
import { attachUploads } from "../upload/uploads.js";

const place = document.querySelector("[data-contribute]");
if (place) {
  attachUploads({ onUploaded: addToAlbum });
  place.querySelector("form").hidden = true;
}

async function addToAlbum(job, photo) {
  const answer = await fetch(place.dataset.contribute, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": csrf() },
    body: JSON.stringify({ ids: [photo.id] }),
  }).catch(() => null);
  const said = await answer?.json().catch(() => null);
  if (!answer?.ok) return setError(job, said?.message ?? gettext("The gallery cannot be reached."));
  const text = said.changed ? gettext("added to the album → open") : gettext("already in the album → open");
  setLink(job, said.changed ? "added" : "duplicate", text);
}
