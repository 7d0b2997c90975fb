// What a nurse does with a card of vaccinations and an exemption: a dose written down, refused and corrected, and an exemption from its
// submission to its approval. Used by live.mjs, which signs everybody in.

import assert from "node:assert/strict";
import { tour } from "./tour.mjs";

export async function vaccines(nurse, shots) {
  await written(nurse);
  await exempted(nurse);
  await tour(nurse, shots, [["vaccines-changed", nurse.url()]]);
}

async function written(nurse) {
  const card = nurse.locator("#add");
  const before = await nurse.locator("#doses tbody tr").count();
  await card.locator("#f-cvx").fill("115");
  await card.locator("#f-given_on").fill("01/12/2025");
  await card.getByRole("button").click();
  assert.match(await nurse.locator("#f-given_on-error").textContent(), /such as 20\d\d-/);
  assert.equal(await nurse.inputValue("#f-cvx"), "115", "what was typed stands there still");
  await nurse.locator("#f-given_on").fill("2025-12-01");
  await nurse.selectOption("#f-information_source", "03");
  await nurse.locator("#add").getByRole("button").click();
  const dose = nurse.locator("#doses tbody tr", { hasText: /Dec\S* 1, 2025|2025-12-01/ });
  await dose.first().waitFor();
  assert.equal(await nurse.locator("#doses tbody tr").count(), before + 1);
  await dose.first().locator("details > summary", { hasText: "Entered in error" }).click();
  await dose.first().locator("form[action$='/error'] input[name=entered_in_error_reason]").fill("Of a sibling");
  await dose.first().locator("form[action$='/error'] button").click();
  await dose.first().waitFor({ state: "detached" });
}

async function exempted(nurse) {
  const form = nurse.locator("#submit");
  await form.locator("#f-kind").selectOption("MEDICAL_PERMANENT");
  await form.locator("#f-issuer").fill("Dr. Invented");
  await form.locator("#f-number").fill("XX-17");
  await form.locator("#f-valid_from").fill(new Date().toISOString().slice(0, 10));
  await form.getByRole("button").click();
  const row = nurse.locator("tr", { hasText: "XX-17" });
  await row.waitFor();
  assert.match(await row.textContent(), /Submitted/);
  await row.locator("form[action$='/approve'] button").click();
  await nurse.locator("tr", { hasText: "XX-17" }).getByText("Approved").waitFor();
}
