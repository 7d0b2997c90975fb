// Alerts on this device: asks the browser to be told by push, and sends what it gives with the form the button stands in.
// The browser's own row is marked; turning that off ends its subscription as well. Where the browser knows no push the page
// says so.

const button = document.querySelector("[data-push]");
if (button) begin();

async function begin() {
  const known = "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
  if (!known) return say("absent");
  const held = await subscription();
  const row = held && document.querySelector(`tr[data-device="${await hash(held.endpoint)}"]`);
  if (row) {
    row.querySelector("[data-own]").hidden = false;
    row.querySelector("form").addEventListener("submit", async (event) => {
      event.preventDefault();
      await held.unsubscribe().catch(() => false);
      event.target.submit();
    });
    return;
  }
  button.hidden = false;
  button.addEventListener("click", () => turnOn(held));
}

async function subscription() {
  const worker = await navigator.serviceWorker.getRegistration("/");
  return worker ? worker.pushManager.getSubscription() : null;
}

async function turnOn(held) {
  const words = button.form.querySelector("[data-push-words]");
  words.hidden = true;
  button.disabled = true;
  try {
    if ((await Notification.requestPermission()) !== "granted") return say("denied");
    // What is held is of another account or another key: the server would not send there.
    if (held) await held.unsubscribe();
    await navigator.serviceWorker.register(button.dataset.worker, { scope: "/" });
    const worker = await navigator.serviceWorker.ready;
    const made = await worker.pushManager.subscribe({
      userVisibleOnly: true,
      applicationServerKey: toBytes(button.dataset.push),
    });
    const { endpoint, keys } = made.toJSON();
    const { elements } = button.form;
    elements.endpoint.value = endpoint;
    elements.p256dh.value = keys.p256dh;
    elements.auth.value = keys.auth;
    button.form.submit();
  } catch (error) {
    say(error.name === "NotAllowedError" ? "denied" : "failed");
  } finally {
    button.disabled = false;
  }
}

function say(what) {
  const words = button.form.querySelector("[data-push-words]");
  words.textContent = words.dataset[what];
  words.hidden = false;
}

function toBytes(text) {
  return Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
}

async function hash(text) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
