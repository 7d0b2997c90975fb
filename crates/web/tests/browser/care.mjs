// What a nurse does besides the routine: an order from its draft to the first dose, and treatments and vital signs
// of a visit. Used by live.mjs, which signs everybody in.

import assert from "node:assert/strict";
import { join } from "node:path";
import { tour } from "./tour.mjs";

const day = (ahead) => new Date(Date.now() + ahead * 86_400_000).toISOString().slice(0, 10);

/// Checks a student in and opens the visit.
async function visitOf(nurse, base, number, reason) {
  await nurse.goto(`${base}/clinic`);
  await nurse.fill("#who", number);
  await nurse.waitForSelector("#found details.pick");
  const name = await nurse.textContent("#found summary strong");
  await nurse.click("#found summary");
  await nurse.click(`#found button[value=${reason}]`);
  await nurse.waitForURL(/clinic\?school=/);
  await nurse.locator("#waiting tbody tr", { hasText: name }).locator("a").first().click();
  await nurse.waitForURL(/clinic\/visits\//);
}

export async function care(nurse, base, student, shots) {
  await ordered(nurse, base, student);
  await treated(nurse, base, shots);
  await delegated(nurse, base, shots);
}

/// A visit that ends with an ambulance.
export async function emergency(nurse, base) {
  await visitOf(nurse, base, "200008", "ASTHMA");
  await nurse.selectOption("#f-disposition", "EMERGENCY_SERVICES_911");
  const end = nurse.locator("form.grouped button.primary");
  await end.click();
  await nurse.locator("#f-called_ago-error").waitFor();
  await nurse.fill("#f-called_ago", "2");
  await end.click();
  await nurse.waitForURL(/missed=\d+/);
}

/// Lets an aide give what is swallowed until a day, and takes it back with a reason.
async function delegated(nurse, base, shots) {
  const address = `${base}/medications/delegations`;
  await nurse.goto(address);
  const person = nurse.locator("#f-user_id option:not([value=''])").first();
  const name = (await person.textContent()).trim();
  await nurse.selectOption("#f-user_id", await person.getAttribute("value"));
  await nurse.selectOption("#f-route", "OPHTHALMIC");
  await nurse.fill("#f-trained_on", day(1));
  await nurse.fill("#f-valid_until", day(300));
  const give = nurse.locator("#delegate button.primary");
  await give.click();
  await nurse.locator("#f-trained_on-error").waitFor();
  await nurse.fill("#f-trained_on", day(-1));
  await give.click();
  const row = nurse.locator("tbody tr", { hasText: name }).filter({ hasText: "Into the eye" });
  await row.waitFor();
  await tour(nurse, shots, [["delegations", address]]);
  await row.locator("details > summary").click();
  await row.locator("input[type=text]").fill("Moved to another school");
  await row.locator("form[action$='/revoke'] button").click();
  await nurse.getByText("Moved to another school").first().waitFor();
}

async function ordered(nurse, base, student) {
  await nurse.goto(`${base}${student}`);
  await nurse.locator("details:has(#f-medication) > summary").click();
  await nurse.fill("#f-medication", "Acetaminophen 325 mg");
  await nurse.selectOption("#f-kind", "PRN");
  await nurse.fill("#f-dose_qty", "1");
  await nurse.fill("#f-dose_unit", "tablet");
  await nurse.selectOption("#f-route", "ORAL");
  await nurse.fill("#f-min_interval_min", "240");
  await nurse.fill("#f-valid_to", day(20));
  await nurse.check("#f-delegable");
  await nurse.getByRole("button", { name: "Draft the order" }).click();
  const row = nurse.locator("#orders tbody tr", { hasText: "Acetaminophen" });
  await row.waitFor();
  const act = async (verb, fill) => {
    await row.locator("details > summary").click();
    const form = row.locator(`form[action$='/${verb}']`);
    await fill(form);
    await form.locator("button").first().click();
    await nurse.waitForLoadState("load");
  };
  await act("documents", async (form) => {
    for (const field of await form.locator("input[type=text]").all()) await field.fill("Binder 3");
  });
  await act("activate", async (form) => {
    for (const box of await form.locator("input[type=checkbox]").all()) await box.check();
  });
  await act("supply", (form) => form.locator("input[type=date]").fill(day(20)));
  assert.match(await row.textContent(), /Expires soon/);
  const needed = nurse.locator("#needed article", { hasText: "Acetaminophen" });
  assert.match(await needed.textContent(), /May be given now/);
  await needed.getByRole("button", { name: /^Give/ }).click();
  await nurse.locator("#needed article", { hasText: "Acetaminophen" }).getByText(/Not before/).waitFor();
}

async function treated(nurse, base, shots) {
  await visitOf(nurse, base, "200008", "HEADACHE");
  const visit = nurse.url();
  await nurse.selectOption("select[name=treatment-0]", "ICE_PACK");
  await nurse.fill("input[name=treatment_qty-0]", "1");
  await nurse.locator("details:has(#f-heart_rate) > summary").click();
  await nurse.fill("#f-heart_rate", "900");
  const keep = nurse.getByRole("button", { name: "Save and keep open" });
  await keep.click();
  assert.match(await nurse.locator("#f-heart_rate-error").textContent(), /20 to 300/);
  assert.equal(await nurse.inputValue("select[name=treatment-0]"), "ICE_PACK", "what was filled in stands there still");
  await nurse.fill("#f-heart_rate", "88");
  await keep.click();
  await nurse.getByText("Pulse, per minute: 88").waitFor();
  assert.equal(await nurse.inputValue("input[name=treatment_qty-0]"), "1");
  assert.match(await nurse.inputValue("input[name=treatment_at-0]"), /^\d\d:\d\d$/);
  assert.equal(await nurse.locator("select[name=treatment-1]").count(), 1, "a line more");
  await tour(nurse, shots, [["visit-care", visit]]);
  await nurse.selectOption("#f-disposition", "RETURN_TO_CLASS");
  await nurse.locator("form.grouped button.primary").click();
  await nurse.waitForURL(/missed=\d+/);
}
