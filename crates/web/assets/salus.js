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
