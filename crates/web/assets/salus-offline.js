// Visits that are written down without a connection. Each is sealed here for a key of the server, under a key that is made for it
// and forgotten: this device can send it and cannot read it. On today's clinic what waits is sent, one by one; what is refused
// stays, with the reason, until somebody takes it off. A visit carries a reference of its own, so that sending it twice makes one.

const MOST = 200;
const page = document.querySelector("[data-offline]");
const card = document.querySelector("[data-keeping]");
if (page) write();
if (card && card.dataset.keeping && "serviceWorker" in navigator && "caches" in window) clinic();

// The store of this device: `lock` has what the server gave, `visits` what waits.
function store() {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("salus-clinic", 1);
    opening.onupgradeneeded = () => {
      opening.result.createObjectStore("lock");
      opening.result.createObjectStore("visits", { keyPath: "client_ref" });
    };
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
}

async function act(name, mode, work) {
  const held = await store();
  try {
    return await new Promise((resolve, reject) => {
      const all = held.transaction(name, mode);
      const asked = work(all.objectStore(name));
      all.oncomplete = () => resolve(asked.result);
      all.onerror = all.onabort = () => reject(all.error);
    });
  } finally {
    held.close();
  }
}

const waiting = () => act("visits", "readonly", (visits) => visits.getAll());

async function clinic() {
  const { keeping: key, handle, school, schoolName: name, worker, page: address } = card.dataset;
  await act("lock", "readwrite", (lock) => lock.put({ key, handle, school, name }, "now"));
  await navigator.serviceWorker.register(worker, { scope: "/" });
  const loaded = [...document.querySelectorAll("link[href], script[src]")].map((e) => e.href || e.src);
  const wanted = [address, ...loaded.map((one) => new URL(one).pathname).filter((path) => path.startsWith("/assets/"))];
  const cache = await caches.open("salus-clinic");
  await cache.addAll(wanted);
  // Those of the version before.
  for (const one of await cache.keys()) if (!wanted.includes(new URL(one.url).pathname)) await cache.delete(one);
  await send(await waiting());
}

async function send(visits) {
  if (visits.length === 0) return;
  const said = card.querySelector("[data-said]");
  card.hidden = false;
  visits.sort((a, b) => a.kept_at.localeCompare(b.kept_at));
  let sent = 0;
  for (const [n, { client_ref, handle, sealed }] of visits.entries()) {
    said.textContent = card.dataset.sending.replace("{n}", visits.length - n);
    const fields = new URLSearchParams({ _csrf: csrf(), client_ref, handle, sealed });
    let reply;
    let told;
    try {
      reply = await fetch("/clinic/kept", { method: "POST", body: fields, credentials: "same-origin" });
      told = await reply.json();
    } catch {
      // No answer, or that of another page: the session has ended.
      said.textContent = card.dataset.notSent;
      return;
    }
    if (told.sent) {
      await act("visits", "readwrite", (all) => all.delete(client_ref));
      sent += 1;
    } else {
      refuse(client_ref, told);
    }
  }
  said.textContent = "";
  // The board is as it was before they came; what was refused is asked about again then.
  if (sent > 0) location.reload();
}

function csrf() {
  return JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRF-Token"];
}

function refuse(client_ref, { said, student_number, came_at }) {
  const item = card.querySelector("template").content.cloneNode(true);
  const at = came_at && new Date(came_at).toLocaleString(document.documentElement.lang);
  item.querySelector("[data-line]").textContent = student_number
    ? card.dataset.came.replace("{number}", student_number).replace("{at}", at)
    : "";
  item.querySelector("[data-why]").textContent = said;
  const row = item.querySelector("li");
  item.querySelector("button").addEventListener("click", async () => {
    await act("visits", "readwrite", (all) => all.delete(client_ref));
    row.remove();
    if (!card.querySelector("[data-refused]").children.length) location.reload();
  });
  card.querySelector("[data-refused]").append(item);
}

async function write() {
  const form = page.querySelector("form");
  const say = (text) => (page.querySelector("[data-said]").textContent = text);
  let lock;
  try {
    lock = await act("lock", "readonly", (held) => held.get("now"));
  } catch {
    say(page.dataset.failed);
    return;
  }
  if (!lock) {
    page.querySelector("[data-unknown]").hidden = false;
    return;
  }
  page.querySelector("[data-school]").textContent = page.dataset.atSchool.replace("{school}", lock.name);
  const { elements } = form;
  const now = () => (elements.came_at.value = local(new Date()));
  now();
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const came = new Date(elements.came_at.value);
    const left = elements.left_at.value ? new Date(elements.left_at.value) : null;
    if (came > Date.now() + 60000 || (left && left < came)) return say(page.dataset.times);
    try {
      const all = await waiting();
      if (all.length >= MOST) return say(page.dataset.full);
      const client_ref = crypto.randomUUID();
      const visit = {
        school: lock.school,
        student_number: elements.student_number.value.trim(),
        reason: elements.reason.value,
        came_at: came.toISOString(),
        left_at: left && left.toISOString(),
      };
      const sealed = await seal(visit, lock.key, client_ref);
      const kept = { client_ref, handle: lock.handle, sealed, kept_at: new Date().toISOString() };
      await act("visits", "readwrite", (visits) => visits.put(kept));
      form.reset();
      now();
      elements.student_number.focus();
      say(page.dataset.kept.replace("{n}", all.length + 1));
    } catch {
      say(page.dataset.failed);
    }
  });
}

function local(date) {
  return new Date(date - date.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}

const text = new TextEncoder();

// All are of one length, so that nothing is told by it.
async function seal(visit, key, client_ref) {
  const curve = { name: "ECDH", namedCurve: "P-256" };
  const own = await crypto.subtle.generateKey(curve, false, ["deriveBits"]);
  const theirs = await crypto.subtle.importKey("raw", toBytes(key), curve, false, []);
  const both = await crypto.subtle.deriveBits({ name: "ECDH", public: theirs }, own.privateKey, 256);
  const made = await crypto.subtle.importKey("raw", both, "HKDF", false, ["deriveKey"]);
  const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: text.encode("salus clinic offline v1") };
  const once = await crypto.subtle.deriveKey(how, made, { name: "AES-GCM", length: 256 }, false, ["encrypt"]);
  const about = { name: "AES-GCM", iv: new Uint8Array(12), additionalData: text.encode(client_ref) };
  const closed = await crypto.subtle.encrypt(about, once, text.encode(JSON.stringify(visit).padEnd(768)));
  const point = await crypto.subtle.exportKey("raw", own.publicKey);
  return toText([...new Uint8Array(point), ...new Uint8Array(closed)]);
}

function toBytes(base64) {
  return Uint8Array.from(atob(base64.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
}

function toText(bytes) {
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}
