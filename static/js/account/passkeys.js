// Passkeys. A form asks the gallery what to sign, the browser has a device sign it, and the form
// takes that along. Sentences come with the form, because pages of signing in have no catalogue.
const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));

const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

const descriptors = (list) => list?.map((one) => ({ ...one, id: bytes(one.id) }));

function creation(options) {
  return {
    ...options,
    challenge: bytes(options.challenge),
    user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: descriptors(options.excludeCredentials),
  };
}

function request(options) {
  return {
    ...options,
    challenge: bytes(options.challenge),
    allowCredentials: descriptors(options.allowCredentials),
  };
}

// The shape that WebAuthn calls RegistrationResponseJSON and AuthenticationResponseJSON.
function written(credential) {
  const { response } = credential;
  const parts = { clientDataJSON: text(response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (response[name]) parts[name] = text(response[name]);
  }
  if (response.getTransports) parts.transports = response.getTransports();
  const id = text(credential.rawId);
  return { id, rawId: id, type: credential.type, response: parts, clientExtensionResults: {} };
}

class PasskeyForm {
  constructor(form) {
    this.form = form;
    this.button = form.querySelector("[data-passkey-button]");
    form.hidden = this.button.hidden = false;
    form.addEventListener("submit", (event) => {
      if (event.submitter !== this.button) return;
      event.preventDefault();
      this.run();
    });
  }

  async run() {
    this.tell("");
    this.button.disabled = true;
    const problem = await this.ask();
    this.button.disabled = false;
    if (problem) this.tell(problem);
    else this.form.submit();
  }

  // Resolves to why it failed, or to an empty text.
  async ask() {
    const { begin, failed, known } = this.form.dataset;
    const body = new URLSearchParams(new FormData(this.form));
    const answer = await fetch(begin, { method: "POST", body }).catch(() => null);
    const said = await answer?.json().catch(() => null);
    if (!answer?.ok) return said?.message ?? failed;
    const makes = this.form.dataset.passkey === "create";
    try {
      const credential = makes
        ? await navigator.credentials.create({ publicKey: creation(said.publicKey) })
        : await navigator.credentials.get({ publicKey: request(said.publicKey) });
      this.form.elements.credential.value = JSON.stringify(written(credential));
      return "";
    } catch (error) {
      return error.name === "InvalidStateError" && known ? known : failed;
    }
  }

  tell(problem) {
    const place = this.form.querySelector("[data-passkey-problem]");
    place.textContent = problem;
    place.hidden = !problem;
  }
}

export function attachPasskeys() {
  if (!globalThis.PublicKeyCredential) return;
  for (const button of document.querySelectorAll("[data-passkey-button]")) new PasskeyForm(button.form);
}
