// Photos for the album of another person: any number, by the upload card of all other pages. Each is
// taken into one's own gallery and then added here.
import { attachUploads } from "../upload/uploads.js";

const place = document.querySelector("[data-contribute]");
if (place) {
  attachUploads({ addTo: place.dataset.contribute });
  place.querySelector("form").hidden = true;
}
