// Sends the GET of the API page's form with the reader's session and shows status, time and body.

for (const form of document.querySelectorAll("form[data-try]")) {
  const answer = form.parentElement.querySelector("[data-answer]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    let path = form.dataset.try;
    const query = new URLSearchParams();
    for (const input of form.querySelectorAll("input")) {
      if (input.dataset.in === "path") path = path.replace(`{${input.name}}`, encodeURIComponent(input.value));
      else if (input.value !== "") query.set(input.name, input.value);
    }
    const url = query.size > 0 ? `${path}?${query}` : path;
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
