// Opens every page of the gallery in headless Chromium and demands: no overflow at any width, no serious axe finding
// in light and dark, no console error (a blocked inline style is one), and the promised keyboard behaviour.
//
//   cargo run -p salus-web --example gallery -- /tmp/gallery
//   node check.mjs /tmp/gallery [--shots DIRECTORY] [--only NAME]

import { readFile, mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { behaviour } from "./behaviour.mjs";
import { serve } from "./serve.mjs";

const [directory, ...rest] = process.argv.slice(2);
const option = (name) => (rest.includes(name) ? rest[rest.indexOf(name) + 1] : undefined);
const shots = option("--shots");
const only = option("--only");
const WIDTHS = [360, 768, 1280, 1920];
const ARGUMENTS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

if (!directory) throw new Error("usage: node check.mjs GALLERY [--shots DIRECTORY] [--only NAME]");
if (shots) await mkdir(shots, { recursive: true });
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const list = JSON.parse(await readFile(join(directory, "pages.json"), "utf8"));
const site = await serve(directory);
const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true, args: ARGUMENTS });
const browsers = await Promise.all([launch(), launch()]);
const faults = [];
let views = 0;
let audits = 0;

const entries = list.filter((e) => !only || e.name === only);
const waiting = entries.values();
await Promise.all(browsers.map(work));
if (!only) faults.push(...(await behaviour(browsers[0], site)));
await Promise.all(browsers.map((browser) => browser.close()));
site.close();
for (const fault of [...new Set(faults)]) console.log(fault);
console.log(`${views} views, ${audits} axe runs, ${new Set(faults).size} faults`);
// A page in a language is one test, and so is the behaviour of all together: what script/test counts.
const failed = new Set(faults.map((fault) => fault.split(/:| (?=\d)/)[0]));
const tests = entries.length + (only ? 0 : 1);
console.log(`${tests - failed.size} passed, ${failed.size} failed`);
process.exit(faults.length > 0 ? 1 : 0);

async function overflow(page, label) {
  const wide = await page.evaluate(() => {
    const root = document.documentElement;
    if (root.scrollWidth <= root.clientWidth) return null;
    const beyond = [...document.querySelectorAll("main *")].filter((e) => e.getBoundingClientRect().right > root.clientWidth + 1);
    return `${root.scrollWidth} > ${root.clientWidth}: ${beyond.slice(0, 3).map((e) => `${e.tagName}.${e.getAttribute("class") ?? ""}`).join(", ")}`;
  });
  if (wide) faults.push(`${label}: overflow ${wide}`);
}

// Playwright evaluates outside the page's policy, so axe needs no exception from it.
async function examine(page, label) {
  audits += 1;
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  for (const violation of found.violations.filter((v) => v.impact === "serious" || v.impact === "critical")) {
    const node = violation.nodes[0];
    faults.push(`${label}: axe ${violation.id}: ${node.html.slice(0, 160)} | ${node.any[0]?.message ?? node.failureSummary}`);
  }
}

// Visits what waits. A tab of a language is opened once: that takes as long as three pages.
async function work(browser) {
  const tabs = new Map();
  for (const entry of waiting) {
    if (!tabs.has(entry.language)) tabs.set(entry.language, await tab(browser, entry.language));
    await visit(tabs.get(entry.language), entry);
  }
}

async function tab(browser, language) {
  const context = await browser.newContext({ reducedMotion: "reduce", locale: language });
  const page = await context.newPage();
  const opened = { page, label: "" };
  page.on("console", (message) => message.type() === "error" && faults.push(`${opened.label}: console: ${message.text()}`));
  page.on("pageerror", (error) => faults.push(`${opened.label}: script: ${error.message}`));
  return opened;
}

async function visit(tab, entry) {
  const { page } = tab;
  const label = `${entry.name} ${entry.language}`;
  tab.label = label;
  for (const scheme of entry.language === "en" ? ["light", "dark"] : ["light"]) {
    await page.emulateMedia({ colorScheme: scheme });
    // Loaded once and made wider: what is wide is decided by style alone, as when a window or a tablet is turned.
    await page.setViewportSize({ width: WIDTHS[0], height: 900 });
    await page.goto(`${site.url}/${entry.file}`, { waitUntil: "load" });
    await page.evaluate(axe);
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 900 });
      views += 1;
      await overflow(page, `${label} ${width} ${scheme}`);
      if (width === 360 || width === 1280) await examine(page, `${label} ${width} ${scheme}`);
      if (shots && (entry.language === "en" || (width === 1280 && entry.name.startsWith("chart")))) {
        await page.screenshot({ path: join(shots, `${entry.name}.${entry.language}.${width}.${scheme}.png`), fullPage: true });
      }
    }
  }
}
