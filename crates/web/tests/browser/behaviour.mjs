// What the pages do when used: keyboard, theme, opening a masked value, trying an operation.

export async function behaviour(browser, site) {
  const faults = [];
  const demand = (holds, words) => holds || faults.push(`behaviour: ${words}`);
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  const open = (name) => page.goto(`${site.url}/${name}.en.html`, { waitUntil: "load" });
  const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.getAttribute("href") || document.activeElement.name);

  await open("home");
  await page.keyboard.press("Tab");
  demand((await focused()) === "#main", "the first tab stop skips to the content");
  await page.keyboard.press("/");
  demand((await focused()) === "q", "a slash goes to the search");
  await page.keyboard.press("Escape");
  demand((await focused()) !== "q", "Escape leaves the search");

  await open("patients");
  await page.locator("tbody a").first().focus();
  await page.keyboard.press("ArrowDown");
  demand((await focused()) === "/patients/p2", "arrow down goes to the next row");
  await page.keyboard.press("End");
  demand((await focused()) === "/patients/p5", "End goes to the last row");
  await page.keyboard.press("Home");
  demand((await focused()) === "/patients/p1", "Home goes to the first row");

  await page.locator("button.who").click();
  demand(await page.locator("#user-menu").isVisible(), "the menu opens");
  await page.locator("#user-menu button[value=dark]").click();
  demand((await page.evaluate(() => document.documentElement.dataset.theme)) === "dark", "the theme changes at once");
  await page.waitForTimeout(200);
  demand(site.preferences.some((body) => body.includes("theme=dark") && body.includes("_csrf=")), "the theme is stored");
  await page.keyboard.press("Escape");
  demand(!(await page.locator("#user-menu").isVisible()), "Escape closes the menu");

  await open("browse-table");
  demand((await page.locator(".masked").count()) === 24, "sealed values are masked");
  demand(site.openings.length === 0, "nothing is opened unasked");
  await page.locator(".masked .open").first().click();
  await page.locator(".opened").waitFor();
  demand((await page.locator(".opened").innerText()) === "Inventada", "an opened value takes the mask's place");
  demand(site.openings.length === 1, "one opening is one request");
  await page.locator(".masked .open").first().click();
  await page.locator(".masked[role=alert]").waitFor();
  demand((await page.locator(".masked[role=alert]").innerText()).includes("permission"), "a refusal says why");

  await open("docs-operation");
  await page.locator("#try-0").fill("ACTIVE");
  const command = await page.locator("[data-curl]").innerText();
  demand(/^curl -H 'Authorization: Bearer slk_…' 'http[^']+\?status=ACTIVE'$/.test(command), `the command says the same: ${command}`);
  await page.locator("form[data-try] button").click();
  await page.locator("[data-answer-body]").waitFor();
  demand((await page.locator("[data-answer-body]").innerText()).includes("status=ACTIVE"), "an operation can be tried");

  await open("medication");
  await page.locator("h1").click();
  await page.keyboard.type("200008");
  demand((await page.locator("[data-scan]").inputValue()) === "200008", "a scanner types wherever the focus is");
  await open("visit-pass");
  demand(await page.locator("[data-print]").isVisible(), "what is made for paper has a button for it");

  await page.route("**/kiosk", (route) => route.fulfill({ contentType: "text/html", body: "<title>Begun</title>" }));
  await page.clock.install();
  await open("kiosk");
  await page.clock.fastForward(11000);
  demand(page.url().endsWith("/kiosk.en.html"), "a tablet that nobody touches waits");
  await page.locator("#badge").fill("2");
  await page.clock.fastForward(11000);
  await page.waitForURL("**/kiosk", { timeout: 5000 }).catch(() => demand(false, "what was typed at a tablet leaves it after ten seconds"));
  await open("kiosk-listed");
  await page.clock.fastForward(11000);
  await page.waitForURL("**/kiosk", { timeout: 5000 }).catch(() => demand(false, "the answer leaves a tablet after ten seconds"));

  await page.setViewportSize({ width: 360, height: 800 });
  await open("home");
  demand(!(await page.locator("#side").isVisible()), "the navigation is closed on a small screen");
  await page.locator("button.only-small").click();
  demand(await page.locator("#side").isVisible(), "the navigation opens on a small screen");
  // htmx notes the address of the page it is on; addresses hold no health data.
  const kept = await page.evaluate(() => [...Object.keys(localStorage), ...Object.keys(sessionStorage)]);
  demand(kept.every((key) => key === "htmx-current-path-for-history"), `nothing is kept in browser storage: ${kept}`);
  await context.close();
  return faults;
}
