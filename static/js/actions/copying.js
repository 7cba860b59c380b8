// The button that copies an address which is shown once.
import { gettext } from "../page/language.js";
import { toast } from "../page/notices.js";

export function attachCopying() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-action='copy-link']");
    if (!button) return;
    const field = button.parentElement.querySelector("[data-copy]");
    field.select();
    // Without HTTPS, browsers let pages copy only what is selected, by this older way.
    const copied = await navigator.clipboard?.writeText(field.value).then(
      () => true,
      () => false,
    );
    if (copied || document.execCommand("copy")) toast(gettext("The link is copied."));
  });
}
