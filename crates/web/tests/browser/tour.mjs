// Opens pages of the running product at two widths in light and dark, and demands of each: nothing wider than the
// screen, no text cut off without a way to it, no serious axe finding. With a directory, a screenshot of each.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export async function tour(page, shots, pages) {
  const faults = [];
  for (const scheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme: scheme });
    for (const width of [360, 1280]) {
      await page.setViewportSize({ width, height: 800 });
      for (const [name, url] of pages) {
        await page.goto(url);
        const label = `${name}.${width}.${scheme}`;
        const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        if (over > 0) faults.push(`${label} is ${over} px too wide`);
        faults.push(...(await findings(page)).map((found) => `${label}: ${found}`));
        if (shots) await page.screenshot({ path: join(shots, `${label}.png`), fullPage: true });
      }
    }
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1280, height: 900 });
  if (faults.length > 0) throw new Error(faults.join("\n  "));
}

// Playwright evaluates outside the page's policy, so axe needs no exception from it.
async function findings(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const serious = found.violations.filter((violation) => ["serious", "critical"].includes(violation.impact));
  return serious.map((violation) => `axe ${violation.id}: ${violation.nodes[0].html.slice(0, 160)}`);
}
