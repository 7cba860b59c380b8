// Numbers of photos and sizes of files, as text.
import { gettext, ngettext, number } from "./language.js";

export const photos = (count) => ngettext("%(count)s photo", "%(count)s photos", count);

export function size(bytes) {
  const units = [gettext("bytes"), "KB", "MB", "GB", "TB"];
  const step = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
  return `${number(bytes / 1024 ** step, step ? 1 : 0)} ${units[step]}`;
}
