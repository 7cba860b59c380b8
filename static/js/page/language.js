// Interface text in the language of the page. Django's catalogue translates it; a text without a
// translation stays English. Values go in by name: "%(name)s".

const catalog = globalThis.django ?? {};
export const locale = document.documentElement.lang || "en";

const fill = (text, values) => text.replace(/%\((\w+)\)s/g, (_, name) => values[name]);

export const number = (value, places = 0) =>
  value.toLocaleString(locale, {
    useGrouping: "always",
    minimumFractionDigits: places,
    maximumFractionDigits: places,
  });

export const gettext = (text, values = {}) => fill(catalog.gettext?.(text) ?? text, values);

// Fills in `count` too, written in the locale's digits.
export function ngettext(singular, plural, count, values = {}) {
  const text = catalog.ngettext?.(singular, plural, count) ?? (count === 1 ? singular : plural);
  return fill(text, { count: number(count), ...values });
}

export const percent = (value) => gettext("%(number)s %", { number: number(value) });
