// The page of what is shared: a lightbox, and more photos as the end comes near. Without this the page
// works as well: each photo has a page of its own, and a link leads to the next ones.
const PREVIEW_SIDE = 1440;
let box = null;

document.documentElement.classList.add("js");
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-shared-grid] .open");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  open(link).catch(() => location.assign(link.href));
});
addEventListener("popstate", close);

// The opening animation cannot be interrupted, so closing waits for its end.
function close() {
  if (!box) return;
  if (box.opener.isOpen) box.close();
  else box.on("openingAnimationEnd", () => box?.close());
}

const links = () => [...document.querySelectorAll("[data-shared-grid] .open")];

function slide(link) {
  const image = link.querySelector("img");
  const scale = Math.min(1, PREVIEW_SIDE / Math.max(link.dataset.w, link.dataset.h));
  return {
    src: `${link.href}/preview`,
    msrc: image?.currentSrc || image?.src,
    width: Math.round(link.dataset.w * scale),
    height: Math.round(link.dataset.h * scale),
    alt: image?.alt ?? "",
    caption: link.dataset.caption,
    element: link,
    thumbCropped: true,
  };
}

async function open(link) {
  const { default: PhotoSwipe } = await import("../../vendor/photoswipe.esm.min.js");
  const items = links().map(slide);
  box = new PhotoSwipe({
    dataSource: items,
    index: Math.max(
      items.findIndex((item) => item.element === link),
      0,
    ),
    bgOpacity: 1,
    loop: false,
    wheelToZoom: true,
    showHideAnimationType: "zoom",
    showAnimationDuration: 180,
    hideAnimationDuration: 180,
  });
  const download = document.querySelector("[data-shared-grid]").dataset.download;
  box.on("uiRegister", () => {
    if (download) {
      box.ui.registerElement({
        name: "download-link",
        title: download,
        order: 8,
        isButton: true,
        tagName: "a",
        html: "",
        onInit: (element, pswp) => {
          element.append(drawing("download"));
          element.ariaLabel = download;
          element.setAttribute("download", "");
          pswp.on("change", () => {
            element.href = `${pswp.currSlide.data.element.href}/download`;
          });
        },
      });
    }
    box.ui.registerElement({
      name: "caption",
      appendTo: "root",
      onInit: (element, pswp) => {
        pswp.on("change", () => {
          element.textContent = pswp.currSlide.data.caption ?? "";
        });
      },
    });
  });
  // Back closes the lightbox and leaves the page where it is.
  history.pushState({ lightbox: true }, "");
  box.on("change", () => {
    if (box.currIndex > items.length - 8) addTo(items);
  });
  box.on("close", () => history.state?.lightbox && history.back());
  box.on("destroy", () => {
    items[box.currIndex]?.element.focus({ preventScroll: false });
    box = null;
  });
  box.init();
}

// A symbol of the page's own sheet of icons.
function drawing(name) {
  const icon = document.querySelector(".icon").cloneNode(true);
  const use = icon.querySelector("use");
  use.setAttribute("href", use.getAttribute("href").replace(/#.*$/, `#${name}`));
  icon.setAttribute("class", "icon");
  return icon;
}

async function addTo(items) {
  if (!(await more())) return;
  const known = new Set(items.map((item) => item.element));
  items.push(
    ...links()
      .filter((link) => !known.has(link))
      .map(slide),
  );
}

// --- more photos ---

const end = document.querySelector("[data-more]");
if (end) {
  const near = (seen) => seen.some((one) => one.isIntersecting) && more();
  new IntersectionObserver(near, { rootMargin: "1500px" }).observe(end);
}

let loading = null;

function more() {
  if (!end?.isConnected) return Promise.resolve(false);
  loading ??= load().finally(() => {
    loading = null;
  });
  return loading;
}

// Puts what the next page lists behind what is here; resolves to whether there was anything.
async function load() {
  const answer = await fetch(end.href).catch(() => null);
  if (!answer?.ok) return false;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const grid = document.querySelector("[data-shared-grid]");
  grid.append(...(page.querySelector("[data-shared-grid]")?.children ?? []));
  const next = page.querySelector("[data-more]");
  if (next) end.href = next.getAttribute("href");
  else end.closest(".more").remove();
  return true;
}
