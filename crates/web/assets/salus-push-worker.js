// What the browser runs when a push message comes, also while no page is open: it shows the line and, when that is clicked,
// opens the page it names. It sees no request of any page and keeps nothing.

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
