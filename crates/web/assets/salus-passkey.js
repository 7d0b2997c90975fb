// Passkeys: asks the server for a question, has the browser answer it, and sends the answer with the form the button
// stands in. Where the browser knows no passkeys the buttons stay hidden.

const toBytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

async function ask(form, address) {
  const body = new URLSearchParams(new FormData(form));
  const answer = await fetch(address, { method: "POST", body, credentials: "same-origin" });
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return answer.json();
}

async function create(form) {
  const { token, options } = await ask(form, "/account/security/passkeys/ask");
  options.challenge = toBytes(options.challenge);
  options.user.id = toBytes(options.user.id);
  for (const held of options.excludeCredentials) held.id = toBytes(held.id);
  const made = await navigator.credentials.create({ publicKey: options });
  return {
    token,
    id: made.id,
    clientDataJson: toText(made.response.clientDataJSON),
    attestationObject: toText(made.response.attestationObject),
  };
}

async function get(form) {
  const outer = document.querySelector("form[action='/sign-in'] input[name=organization]");
  if (outer) form.elements.organization.value = outer.value.trim();
  const { token, options } = await ask(form, "/sign-in/passkey/ask");
  options.challenge = toBytes(options.challenge);
  const made = await navigator.credentials.get({ publicKey: options });
  return {
    token,
    id: made.id,
    clientDataJson: toText(made.response.clientDataJSON),
    authenticatorData: toText(made.response.authenticatorData),
    signature: toText(made.response.signature),
    userHandle: made.response.userHandle ? toText(made.response.userHandle) : "",
  };
}

if (window.PublicKeyCredential) {
  for (const button of document.querySelectorAll("[data-passkey]")) {
    const form = button.form;
    const failure = form.querySelector("[role=alert]");
    button.hidden = false;
    button.addEventListener("click", async () => {
      failure.hidden = true;
      button.disabled = true;
      try {
        const { token, ...credential } = await (button.dataset.passkey === "create" ? create : get)(form);
        form.elements.token.value = token;
        form.elements.credential.value = JSON.stringify(credential);
        form.submit();
      } catch {
        failure.textContent = button.dataset.failed;
        failure.hidden = false;
        button.disabled = false;
      }
    });
  }
}
