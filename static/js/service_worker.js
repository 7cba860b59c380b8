// Shows a page of its own while the gallery cannot be reached, and takes in what other apps share.
// It keeps neither pages nor photos of the gallery, and what was shared only until it is uploaded. Thumbnails
// are kept by page/recent.js where somebody wants that. Signing out clears all of it.
const SHELL = "scry-shell-2";
const SHARED = "scry-shared";
const OFFLINE = "/offline";
const NAMED = /<(?:link rel="(?:stylesheet|icon|modulepreload)" href|script type="module" src)="([^"]+)"/g;

addEventListener("install", (event) => {
  skipWaiting();
  event.waitUntil(keepShell());
});
addEventListener("activate", (event) => {
  event.waitUntil(begin());
});

addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (origin !== location.origin) return;
  if (request.method === "POST" && pathname === "/share") event.respondWith(takeIn(request));
  else if (request.method !== "GET") return;
  else if (request.mode === "navigate") event.respondWith(page(event));
  else if (pathname.startsWith("/static/")) event.respondWith(fetch(request).catch(() => kept(request)));
});

// The browser asks for a page while this script still starts.
async function page(event) {
  try {
    return (await event.preloadResponse) ?? (await fetch(event.request));
  } catch {
    return caches.match(OFFLINE);
  }
}

// The page with the style sheets and scripts that it names.
async function keepShell() {
  const cache = await caches.open(SHELL);
  const page = await fetch(OFFLINE, { credentials: "omit" });
  const html = await page.clone().text();
  if (!page.ok) throw new Error(`The offline page was answered with ${page.status}.`);
  await cache.put(OFFLINE, page);
  const icons = [...new Set([...html.matchAll(/<use href="([^"#]+)/g)].map(([, href]) => href))];
  await cache.addAll(icons);
  const named = html.matchAll(NAMED);
  await cache.addAll([...named].map(([, href]) => href));
}

async function begin() {
  const others = (await caches.keys()).filter((name) => name.startsWith("scry-shell-") && name !== SHELL);
  await Promise.all(others.map((name) => caches.delete(name)));
  await registration.navigationPreload?.enable();
  await clients.claim();
}

async function kept(request) {
  return (await caches.match(request)) ?? Response.error();
}

// The upload page offers them, see upload/shared.js.
async function takeIn(request) {
  const form = await request.formData();
  const cache = await caches.open(SHARED);
  const files = form.getAll("photos").filter((part) => part instanceof File);
  const stamp = Date.now();
  await Promise.all(
    files.map((file, place) => {
      const headers = { "Content-Type": file.type, "X-Name": encodeURIComponent(file.name) };
      return cache.put(`/share/${stamp}-${place}`, new Response(file, { headers }));
    }),
  );
  return Response.redirect("/upload?shared", 303);
}
