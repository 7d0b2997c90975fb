// Sends the GET of the API page's form with the reader's session and shows status, time and body; above it, the same
// request as a command, as it is filled in.

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

// The address that the form stands for.
function address(form) {
  let path = form.dataset.try;
  const query = new URLSearchParams();
  for (const input of form.querySelectorAll("input")) {
    if (input.dataset.in === "path") {
      if (input.value !== "") path = path.replace(`{${input.name}}`, encodeURIComponent(input.value));
    } else if (input.value !== "") query.set(input.name, input.value);
  }
  return query.size > 0 ? `${path}?${query}` : path;
}

for (const form of document.querySelectorAll("form[data-try]")) {
  const answer = form.parentElement.querySelector("[data-answer]");
  const command = form.parentElement.querySelector("[data-curl]");
  const tell = () => {
    command.textContent = `curl -H 'Authorization: Bearer slk_…' ${quoted(location.origin + address(form))}`;
  };
  form.addEventListener("input", tell);
  tell();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const url = address(form);
    const started = performance.now();
    let status;
    let body;
    try {
      const response = await fetch(url, { credentials: "same-origin", headers: { Accept: "application/json" } });
      const text = await response.text();
      status = `${response.status} · ${Math.round(performance.now() - started)} ms · GET ${url}`;
      try {
        body = JSON.stringify(JSON.parse(text), null, 2);
      } catch {
        body = text;
      }
    } catch (error) {
      status = String(error.message);
      body = "";
    }
    answer.querySelector("[data-answer-status]").textContent = status;
    answer.querySelector("[data-answer-body]").textContent = body;
    answer.hidden = false;
  });
}
