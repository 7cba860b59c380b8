// Marks many photos as sensitive or harmless. What the owner's policy hides leaves the page.
import { request } from "../page/api.js";
import { gettext, ngettext } from "../page/language.js";
import { toast } from "../page/notices.js";

const dialog = document.getElementById("to-sensitive");
let asked = [];

export async function askForKind(ids) {
  if (!ids.length || !dialog) return;
  const kinds = await request("GET", "/api/v1/sensitive/kinds");
  if (!kinds.ok) return toast(kinds.why);
  dialog.querySelector("select").replaceChildren(...kinds.said.map((each) => new Option(each.title, each.kind)));
  asked = ids;
  dialog.returnValue = "";
  dialog.showModal();
}

dialog?.addEventListener("close", () => {
  if (dialog.returnValue) mark(asked, dialog.querySelector("select").value, dialog.returnValue);
});

async function mark(ids, kind, state) {
  const answer = await request("POST", "/api/v1/sensitive", { ids, kind, state });
  if (!answer.ok) return toast(answer.why);
  const { batch, changed } = answer.said;
  const text =
    state === "confirmed"
      ? ngettext("%(count)s photo marked as sensitive", "%(count)s photos marked as sensitive", changed)
      : ngettext("%(count)s photo marked as harmless", "%(count)s photos marked as harmless", changed);
  // The tiles are drawn anew once there is nothing left to undo here.
  toast(text, {
    label: gettext("Undo"),
    act: async () => {
      await request("POST", "/api/v1/sensitive/undo", { batch });
      location.reload();
    },
    over: () => location.reload(),
  });
  document.dispatchEvent(new CustomEvent("scry:marked"));
}
