// What the browser runs while no page is open, and beside those that are: it shows the line of a push message and, when that is
// clicked, opens the page it names; and where the server is not reached, it shows the page on which visits are written down, if
// today's clinic was opened on this device. It keeps nothing but that page and the files it loads, and changes no request.

self.addEventListener("push", (event) => {
  const { title, path, tag } = event.data.json();
  // A message that came twice takes the place of the first.
  event.waitUntil(self.registration.showNotification(title, { tag, data: { path } }));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data.path));
});

async function open(path) {
  const address = new URL(path, self.location.origin);
  if (address.origin !== self.location.origin) return;
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const there = pages.find((page) => new URL(page.url).pathname === address.pathname);
  await (there ? there.focus() : self.clients.openWindow(address.href));
}

// The first page that has it registered is looked after at once.
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  const path = new URL(request.url).pathname;
  const opens = request.mode === "navigate" && (path === "/" || path.startsWith("/clinic"));
  if (opens) event.respondWith(fetch(request).catch((error) => kept("/clinic/offline", error)));
  else if (path.startsWith("/assets/")) event.respondWith(fetch(request).catch((error) => kept(request, error)));
});

async function kept(what, error) {
  const found = await caches.match(what);
  if (found) return found;
  throw error;
}
