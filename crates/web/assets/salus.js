// What every page does beyond HTML: the theme changes at once, "/" goes to the search, Escape leaves it, and arrow
// keys walk through the rows of a table. Without this file everything still works, one page load slower.

const root = document.documentElement;

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-theme-form]") || !event.submitter) return;
  event.preventDefault();
  const theme = event.submitter.value;
  if (theme === "auto") root.removeAttribute("data-theme");
  else root.setAttribute("data-theme", theme);
  for (const button of document.querySelectorAll("[data-theme-form] button")) {
    button.setAttribute("aria-pressed", String(button.value === theme));
  }
  const body = new URLSearchParams(new FormData(form, event.submitter));
  fetch(form.action, { method: "POST", body, credentials: "same-origin", redirect: "manual" });
});

// A page that is made for paper has a button for it.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

// A page for anybody goes back to its beginning when nobody touches it for ten seconds, and stays signed in while it waits.
const idle = document.querySelector("[data-idle]");
if (idle) {
  let timer;
  const wait = (seconds) => {
    clearTimeout(timer);
    timer = setTimeout(() => location.replace(idle.dataset.idle), seconds * 1000);
  };
  for (const name of ["input", "keydown", "pointerdown"]) document.addEventListener(name, () => wait(10));
  wait("begun" in idle.dataset ? 10 : 300);
}

// Signing out clears this device; visits that were written down without a connection would go with it, so they are sent before.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.getAttribute("action") !== "/sign-out" || !indexedDB.databases) return;
  event.preventDefault();
  if (await kept().catch(() => 0)) location.assign("/clinic");
  else form.submit();
});

// How many visits wait on this device.
async function kept() {
  const there = await indexedDB.databases();
  if (!there.some(({ name }) => name === "salus-clinic")) return 0;
  return new Promise((resolve) => {
    const opening = indexedDB.open("salus-clinic");
    opening.onerror = () => resolve(0);
    opening.onsuccess = () => {
      if (!opening.result.objectStoreNames.contains("visits")) return resolve(0);
      const counted = opening.result.transaction("visits").objectStore("visits").count();
      counted.onsuccess = () => resolve(counted.result);
      counted.onerror = () => resolve(0);
      opening.result.close();
    };
  });
}

const typing = (element) => element.closest("input, textarea, select, [contenteditable]") !== null;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const active = document.activeElement ?? document.body;
  if (event.key === "/" && !typing(active)) {
    const visible = [...document.querySelectorAll("#smart-q, [data-search]")].find((box) => box.offsetParent);
    if (visible) {
      event.preventDefault();
      visible.focus();
      visible.select();
    }
  } else if (/^[0-9\]]$/.test(event.key) && !typing(active) && document.querySelector("[data-scan]")) {
    // A scanner types wherever the focus is.
    const box = document.querySelector("[data-scan]");
    box.value = "";
    box.focus();
  } else if (event.key === "Escape" && active.matches("input[type=search]")) {
    active.blur();
  } else {
    walk(event, active);
  }
});

// Moves the focus to the main link of the next, previous, first or last row of the table it is in.
function walk(event, active) {
  const table = active.closest("table[data-keys]");
  if (!table || typing(active)) return;
  const links = [...table.tBodies].flatMap((body) => [...body.rows]).map((row) => row.querySelector("a")).filter(Boolean);
  const at = links.findIndex((link) => link.closest("tr") === active.closest("tr"));
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 }[event.key];
  if (to === undefined || !links[to]) return;
  event.preventDefault();
  links[to].focus();
}

// A live connection keeps the number in the bell right. It is opened with a ticket that the session gives; when it
// breaks it is opened again, after a pause that grows. When the session has ended nothing is opened any more.
const bell = document.querySelector("[data-bell][data-live]");
if (bell) live(1000);

async function live(pause) {
  const again = () => setTimeout(() => live(Math.min(pause * 2, 60000)), pause);
  let reply;
  try {
    reply = await fetch("/ws/ticket", { method: "POST", credentials: "same-origin" });
  } catch {
    return again();
  }
  if (reply.status === 401 || reply.status === 403) return;
  if (!reply.ok) return again();
  const { ticket } = await reply.json();
  const address = new URL(`/ws?ticket=${encodeURIComponent(ticket)}`, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  const socket = new WebSocket(address);
  socket.addEventListener("message", (event) => {
    pause = 1000;
    const { type, unread } = JSON.parse(event.data);
    if (type !== "notifications") return;
    const count = bell.querySelector("[data-unread]");
    count.textContent = new Intl.NumberFormat(root.lang).format(unread);
    count.hidden = unread === 0;
    // Parts of a page that show what it is about load themselves anew.
    document.body.dispatchEvent(new CustomEvent("salus:news"));
  });
  socket.addEventListener("close", (event) => event.code === 1008 || again());
}
