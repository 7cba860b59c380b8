// A photo that was chosen for the album of another person: it is in one's own gallery now, and is added
// to that album.
import { request } from "../page/api.js";
import { gettext } from "../page/language.js";
import { setError, setLink } from "./card.js";

// Resolves to whether the album has it.
export async function joinAlbum(job) {
  const { ok, said, why, status } = await request("POST", job.addTo, { ids: [job.id] });
  if (!ok) {
    setError(job, why, { status });
    return false;
  }
  const text = said.changed ? gettext("added to the album → open") : gettext("already in the album → open");
  setLink(job, said.changed ? "added" : "duplicate", text);
  return true;
}
