// Changes marks of any number of photos in as few requests as possible, and takes that back. The event
// "scry:marks" tells what was changed.
import { request } from "../page/api.js";
import { gettext, ngettext } from "../page/language.js";
import { toast } from "../page/notices.js";

const IDS_AT_ONCE = 10000;
const LENGTH_AT_ONCE = 600_000; // characters, of three bytes at most

// `what` holds fields of the API. Resolves to how many photos changed or could not, the changes that
// take it back, and the problem that stopped it, if any.
export function changeMarks(ids, what) {
  const changes = [];
  for (let at = 0; at < ids.length; at += IDS_AT_ONCE) changes.push({ ids: ids.slice(at, at + IDS_AT_ONCE), ...what });
  return send(changes);
}

async function send(changes) {
  const total = { changed: 0, unknown: 0, full: 0, undo: [] };
  for (const some of parts(changes)) {
    const { ok, said, why } = await request("POST", "/api/v1/photos/marks", { changes: some });
    if (!ok) return { ...total, problem: why };
    for (const key of ["changed", "unknown", "full"]) total[key] += said[key];
    total.undo.unshift(...said.undo);
    document.dispatchEvent(new CustomEvent("scry:marks", { detail: some }));
  }
  return total;
}

function* parts(changes) {
  let [part, length] = [[], 0];
  for (const change of changes) {
    const more = JSON.stringify(change).length;
    if (part.length && length + more > LENGTH_AT_ONCE) {
      yield part;
      [part, length] = [[], 0];
    }
    part.push(change);
    length += more;
  }
  if (part.length) yield part;
}

// Says in one sentence what became of photos, and offers to take it back. `over` is for when that is done.
export function tellChange(text, result, over) {
  const sentence = [
    text,
    result.unknown && ngettext("%(count)s is not yours", "%(count)s are not yours", result.unknown),
    result.full && ngettext("%(count)s has too many tags", "%(count)s have too many tags", result.full),
    result.problem,
  ];
  const act = async () => {
    const { problem } = await send(result.undo);
    toast(problem ?? gettext("Undone"));
    over?.();
  };
  toast(sentence.filter(Boolean).join("; "), result.undo.length ? { label: gettext("Undo"), act } : null);
}
