// The network goes away in a nurse's browser: between it and the server stands a door that is shut. The visit is written down, lies
// sealed on the device, and is on the board when the door is open again. Used by live.mjs, which signs everybody in.

import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import { join } from "node:path";

/// A way to the server that can be shut.
async function door(base) {
  const open = new Set();
  let shut = false;
  const server = createServer((near) => {
    if (shut) return near.destroy();
    const far = connect(Number(new URL(base).port), "127.0.0.1");
    for (const [one, other] of [[near, far], [far, near]]) {
      open.add(one);
      one.pipe(other);
      one.on("error", () => other.destroy());
      one.on("close", () => open.delete(one) && other.destroy());
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    base: `http://127.0.0.1:${server.address().port}`,
    shut(now) {
      shut = now;
      if (shut) for (const socket of open) socket.destroy();
    },
    close() {
      this.shut(true);
      server.close();
    },
  };
}

/// Number and name of a student of the school who is not in the clinic.
async function absent(nurse) {
  for (let number = 200010; number < 200060; number += 1) {
    await nurse.fill("#who", String(number));
    await nurse.waitForResponse((reply) => reply.url().endsWith("/clinic/find"));
    const summary = nurse.locator("#found details.pick summary strong");
    await nurse.locator("#found > *").first().waitFor();
    if ((await summary.count()) === 1) return [String(number), await summary.textContent()];
  }
  throw new Error("nobody of the school is free");
}

// Only of a page that is not about to be loaded anew: what is asked of a page that goes away is not answered.
function stored(page) {
  return page.evaluate(async () => {
    const opening = indexedDB.open("salus-clinic");
    await new Promise((resolve) => (opening.onsuccess = resolve));
    const asked = opening.result.transaction("visits").objectStore("visits").getAll();
    await new Promise((resolve) => (asked.onsuccess = resolve));
    opening.result.close();
    return asked.result;
  });
}

export async function offline(nurse, address, shots) {
  const way = await door(address);
  const page = await nurse.context().newPage();
  try {
    await page.goto(`${way.base}/clinic`);
    // Not by `ready`: that waits without end where no worker comes.
    await page.waitForFunction(async () => (await navigator.serviceWorker.getRegistration())?.active?.state === "activated");
    await page.waitForFunction(async () => (await caches.open("salus-clinic").then((held) => held.keys())).length > 3);
    const [number, name] = await absent(page);
    way.shut(true);
    await page.goto(`${way.base}/clinic`);
    await page.locator("[data-offline] form").waitFor();
    assert.match(await page.textContent("main"), /Clinic of Larkspur/);
    await page.fill("#f-student_number", number);
    await page.selectOption("#f-reason", "NOSEBLEED");
    await page.fill("#f-left_at", "2020-01-01T10:00");
    await page.getByRole("button", { name: "Keep" }).click();
    await page.getByText("cannot go before coming").waitFor();
    await page.fill("#f-left_at", "");
    await page.getByRole("button", { name: "Keep" }).click();
    await page.getByText("Kept. 1 wait on this device.").waitFor();
    await page.fill("#f-student_number", "999999");
    await page.selectOption("#f-reason", "OTHER");
    await page.getByRole("button", { name: "Keep" }).click();
    await page.getByText("Kept. 2 wait on this device.").waitFor();
    if (shots) await page.screenshot({ path: join(shots, "clinic-offline.png"), fullPage: true });
    const held = JSON.stringify(await stored(page));
    assert.ok(!held.includes(number) && !held.includes("NOSEBLEED"), "what is kept is read on the device");
    way.shut(false);
    await page.getByRole("link", { name: "Try the connection" }).click();
    // What was taken stands on the board once the page has loaded itself anew, and what was refused is asked about again then.
    await page.locator("#waiting tbody tr", { hasText: name }).waitFor();
    await page.locator("[data-refused] li", { hasText: "999999" }).waitFor();
    if (shots) await page.screenshot({ path: join(shots, "clinic-kept.png"), fullPage: true });
    assert.equal((await stored(page)).length, 1, "what was refused stays");
    await Promise.all([page.waitForEvent("load"), page.locator("[data-refused] button").click()]);
    assert.equal((await stored(page)).length, 0);
    assert.ok(await page.locator("[data-keeping]").isHidden());
    await page.close();
  } finally {
    // The page stays where something failed: closing one that is loading waits without end, and nobody would be told.
    way.close();
  }
}
