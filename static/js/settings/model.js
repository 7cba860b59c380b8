// Uploads the files of a model in pieces, one after another, and has the gallery choose it.
import { csrf, request } from "../page/api.js";
import { gettext, number } from "../page/language.js";

const UPLOADS = "/api/v1/model/uploads";
const TRIES = 5; // for one piece, when the connection is lost
const MEGABYTE = 1e6;

export function attachModelUpload() {
  const form = document.getElementById("model-upload");
  if (!form) return;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    new ModelUpload(form, inOrder(form.elements.files.files)).run();
  });
}

// Weights come first, because the gallery recognises the model by their beginning.
function inOrder(files) {
  const isWeights = (file) => Number(file.name.endsWith(".safetensors"));
  return [...files].sort((one, other) => isWeights(other) - isWeights(one));
}

class ModelUpload {
  constructor(form, files) {
    this.form = form;
    this.files = files;
    this.bar = form.querySelector("progress");
    this.cancelButton = form.querySelector('[data-model-upload="cancel"]');
    this.total = files.reduce((sum, file) => sum + file.size, 0);
    this.sent = 0;
    this.cancelled = new AbortController();
    this.leave = () => this.discard();
    this.warn = (event) => event.preventDefault();
  }

  async run() {
    this.show(true);
    this.say(gettext("Starting"));
    const begun = await request("POST", UPLOADS, { files: this.files.map(({ name, size }) => ({ name, size })) });
    if (!begun.ok) return this.end(begun.why);
    this.path = `${UPLOADS}/${begun.said.id}`;
    for (const file of this.files) {
      const problem = await this.sendFile(file, begun.said.piece_bytes);
      if (problem) return this.end(problem);
    }
    if (this.cancelled.signal.aborted) return this.end(gettext("The upload was cancelled."));
    this.cancelButton.hidden = true; // From here on there is nothing to cancel.
    this.say(gettext("Checking the files"));
    const finished = await request("POST", `${this.path}/finish`);
    this.path = finished.ok ? "" : this.path;
    this.end(finished.ok ? "" : finished.why);
    if (finished.ok) location.reload();
  }

  // Resolves to why it failed, or to an empty text.
  async sendFile(file, pieceBytes) {
    for (let offset = 0, tries = 0; offset < file.size; ) {
      const { signal } = this.cancelled;
      const query = new URLSearchParams({ name: file.name, offset });
      const answer = await fetch(`${this.path}?${query}`, {
        method: "PUT",
        headers: { "Content-Type": "application/octet-stream", "X-CSRFToken": csrf() },
        body: file.slice(offset, offset + pieceBytes),
        signal,
      }).catch(() => null);
      if (signal.aborted) return gettext("The upload was cancelled.");
      const said = await answer?.json().catch(() => null);
      if (answer?.ok) {
        this.sent += said.received - offset;
        offset = said.received;
        tries = 0;
        this.progress();
      } else if ((answer && answer.status < 502) || ++tries >= TRIES) {
        return said?.message ?? gettext("The gallery cannot be reached.");
      } else {
        await new Promise((resolve) => setTimeout(resolve, 1000 * 2 ** tries));
      }
    }
    return "";
  }

  progress() {
    this.bar.value = this.sent / this.total;
    const amounts = { sent: number(Math.round(this.sent / MEGABYTE)), total: number(Math.ceil(this.total / MEGABYTE)) };
    this.say(gettext("%(sent)s of %(total)s MB uploaded", amounts));
  }

  say(text) {
    this.form.querySelector("[role=status]").textContent = text;
  }

  show(on) {
    this.bar.hidden = this.cancelButton.hidden = !on;
    this.form.querySelector("button:not([type])").disabled = on;
    this.form.elements.files.disabled = on;
    const listen = on ? "addEventListener" : "removeEventListener";
    this.cancelButton.onclick = on ? () => this.cancelled.abort() : null;
    window[listen]("pagehide", this.leave);
    window[listen]("beforeunload", this.warn);
  }

  end(problem) {
    this.show(false);
    this.say(problem);
    this.form.classList.toggle("failed", Boolean(problem));
    if (problem) this.discard();
  }

  // Nothing of an upload that is not finished stays on the server.
  discard() {
    if (!this.path) return;
    fetch(this.path, { method: "DELETE", headers: { "X-CSRFToken": csrf() }, keepalive: true }).catch(() => null);
    this.path = "";
  }
}
