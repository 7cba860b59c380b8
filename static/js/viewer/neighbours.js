// Loads the next page of the grid, or the one before, while somebody looks at one of its last photos.

const AHEAD = 8; // photos before the end at which that begins

export function loadNeighbours(pswp, root, slides) {
  const items = pswp.options.dataSource;
  if (pswp.currIndex > items.length - AHEAD) load(".more:not(.newer) [hx-get]", addOlder);
  if (pswp.currIndex < AHEAD) load(".newer [hx-get]", addNewer);

  function load(which, add) {
    const more = root.querySelector(which);
    if (!more || more.dataset.asked) return;
    more.dataset.asked = "yes";
    // Other parts of the page are loaded meanwhile, too.
    const added = () => {
      if (more.isConnected) return;
      document.body.removeEventListener("htmx:load", added);
      add();
    };
    document.body.addEventListener("htmx:load", added);
    htmx.trigger(more, "intersect");
  }

  function fresh() {
    const present = new Set(items.map((item) => item.base));
    return slides(root).filter((item) => !present.has(item.base));
  }

  function addOlder() {
    items.push(...fresh());
  }

  // What is shown stays, but has another place in the list.
  function addNewer() {
    const before = fresh();
    if (!before.length || !pswp.currSlide) return;
    for (let index = 0; index < items.length; index += 1) pswp.contentLoader.removeByIndex(index);
    items.unshift(...before);
    pswp.currIndex += before.length;
    pswp.potentialIndex = pswp.currIndex;
    for (const { slide } of pswp.mainScroll.itemHolders) {
      if (slide) slide.index = slide.content.index = slide.index + before.length;
    }
    pswp.refreshSlideContent(pswp.currIndex - 1);
  }
}
