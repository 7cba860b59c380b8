// Sends one file, small ones as a form and large ones in pieces, which go on after a break where they
// ended (https://tus.io). Resolves to the status of the answer, 0 without one, and what it says.
import { csrf } from "../page/api.js";
import { isCompanion, picturesBeside } from "./companions.js";

const PIECE = 8 * 2 ** 20; // bytes; most proxies let a request of this size through
const PIECES = "/api/v1/uploads";
const PIECE_HEADERS = { "Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream" };
const owner = `owner=${document.body.dataset.user}`;
const NO_ANSWER = { status: 0, body: null, retryAfter: 0 };

// `sent` are the jobs of pictures that a sidecar may belong to. `job.stop()` breaks off. `onBegun()` is
// called once `job.upload` says where the pieces go.
export function transfer(job, sent, onBegun) {
  const beside = isCompanion(job.file) ? JSON.stringify(picturesBeside(job.file, sent)) : "";
  return job.file.size > PIECE ? sendPieces(job, beside, onBegun) : post(job, beside);
}

function post(job, beside) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    if (beside) form.append("beside", beside);
    form.append("file", job.file, job.file.name);
    request.open("POST", `/api/v1/photos?${owner}`);
    request.responseType = "json";
    request.upload.addEventListener("load", () => hideCancel(job));
    request.setRequestHeader("X-CSRFToken", csrf());
    job.stop = () => request.abort();
    request.upload.addEventListener("progress", (event) => showProgress(job, event.loaded, event.total));
    request.addEventListener("loadend", () =>
      resolve({
        status: request.status,
        body: request.response,
        retryAfter: Number(request.getResponseHeader("Retry-After")),
      }),
    );
    request.send(form);
  });
}

const showProgress = (job, sent, size) => {
  job.row.querySelector("progress").value = sent / size;
  if (sent === size) hideCancel(job);
};

const hideCancel = (job) => {
  job.row.querySelector(".cancel").hidden = true;
};

// --- in pieces ---

async function sendPieces(job, beside, onBegun) {
  const isLoaded = await import("../../vendor/tus.min.js").catch(() => null);
  if (!isLoaded || job.isCancelled) return NO_ANSWER;
  const answer = await new Promise((resolve) => {
    const upload = new globalThis.tus.Upload(job.file, {
      endpoint: `${PIECES}?${owner}`,
      uploadUrl: job.upload || null,
      chunkSize: PIECE,
      retryDelays: null, // The queue tries again by itself.
      storeFingerprintForResuming: false,
      metadata: { filename: job.file.name, ...(beside && { beside }) },
      onBeforeRequest: (request) => request.setHeader("X-CSRFToken", csrf()),
      onProgress: (sent, size) => showProgress(job, sent, size),
      onUploadUrlAvailable: () => {
        job.upload = new URL(upload.url, location.href).pathname;
        onBegun();
      },
      onSuccess: ({ lastResponse }) => resolve(said(lastResponse)),
      onError: (error) => resolve(said(error.originalResponse)),
    });
    job.stop = () => {
      upload.abort();
      resolve(NO_ANSWER);
    };
    upload.start();
  });
  // All of it had arrived before, and what became of it was never told.
  return answer.status === 200 && !answer.body ? askAgain(job) : answer;
}

function said(response) {
  if (!response) return NO_ANSWER;
  const retryAfter = Number(response.getHeader("Retry-After"));
  return { status: response.getStatus(), body: parsed(response.getBody()), retryAfter };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function askAgain(job) {
  const headers = { ...PIECE_HEADERS, "Upload-Offset": job.file.size, "X-CSRFToken": csrf() };
  const answer = await fetch(job.upload, { method: "PATCH", headers, body: "" }).catch(() => null);
  if (!answer) return NO_ANSWER;
  const body = await answer.json().catch(() => null);
  return { status: answer.status, body, retryAfter: Number(answer.headers.get("Retry-After")) };
}

// Has the gallery forget the pieces that it has of a file.
export function takeBack(job) {
  if (!job.upload) return;
  const headers = { ...PIECE_HEADERS, "X-CSRFToken": csrf() };
  fetch(job.upload, { method: "DELETE", headers }).catch(() => {});
}
