// Copies an icon of the page and lets it show the symbol `name` of icons.svg.
export function icon(name) {
  const svg = document.querySelector(".topbar .icon").cloneNode(true);
  const use = svg.firstElementChild;
  use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${name}`));
  return svg;
}
