// What stories look for.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.env.PACKAGES, "package.json"));
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

export const row = (page, id) => page.locator(`.row[data-job="${id}"]`);

/** Waits until a job is in a group. */
export const isIn = (page, id, group) => page.locator(`[data-group=${group}] .row[data-job="${id}"]`).waitFor();

/** Waits until the page says something, wherever. */
export async function says(locator, text) {
  await locator.filter({ hasText: text }).first().waitFor();
}

/** Holds a page to the rules of axe: contrast, names, roles, order. */
export async function isLegible(page, what) {
  // A script that the browser's owner runs is not held to the page's policy.
  await page.evaluate(axe);
  const { violations, passes } = await page.evaluate(() => globalThis.axe.run());
  assert.ok(passes.some((it) => it.id === "color-contrast"), `${what}: contrast was looked at`);
  const told = violations.map((it) => `${it.id}: ${it.nodes.map((node) => node.html).slice(0, 3).join(" ")}`);
  assert.deepEqual(told, [], what);
}

export const focused = (page) => page.evaluate(() => document.activeElement.closest("[data-job]")?.dataset.job ?? document.activeElement.id);
