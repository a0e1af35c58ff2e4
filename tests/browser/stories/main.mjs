// Plays one story in a real browser. What is to happen in the fleet is asked for by a line of JSON.

import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stories } from "./stories.mjs";

const { ADDRESS, CHROMIUM, PACKAGES } = process.env;
export const require = createRequire(join(PACKAGES, "package.json"));
const { chromium } = require("playwright-core");

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Lets something happen in the fleet. */
async function act(act, given = {}) {
  console.log(JSON.stringify({ act, ...given }));
  const { value } = await answers.next();
  if (!value) throw new Error(`${act} was not done`);
}

// Without these, a Chromium asks its maker's hosts for many things at every start.
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];

/** A busy machine needs seconds for what takes moments. */
const PATIENCE = 20_000;

const profile = mkdtempSync(join(tmpdir(), "fleetfoot-chromium-"));
const wrong = [];

/** A page of its own kind, whose every mistake counts: an error, a warning of the console, a request to another host. */
async function open({ hash = "", ...options } = {}) {
  const context = await chromium.launchPersistentContext(mkdtempSync(join(profile, "p-")), {
    executablePath: CHROMIUM, args: FLAGS, headless: true, viewport: { width: 1280, height: 900 }, reducedMotion: "reduce",
    locale: "en-US", timezoneId: "UTC", ...options,
  });
  const page = context.pages()[0] ?? (await context.newPage());
  page.setDefaultTimeout(PATIENCE);
  page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && wrong.push(`${message.type()}: ${message.text()}`));
  page.on("dialog", (dialog) => { wrong.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("request", (request) => request.url().startsWith(ADDRESS) || wrong.push(`request: ${request.url()}`));
  await page.addInitScript(() => document.addEventListener("securitypolicyviolation", (it) => console.error(`policy: ${it.blockedURI}`)));
  await page.goto(`${ADDRESS}${hash}`);
  await page.locator("#status[data-is=live]").waitFor();
  return page;
}

const story = stories[process.argv[2]];
try {
  if (!story) throw new Error(`there is no story ${process.argv[2]}`);
  await story({ open, act, wrong });
  if (wrong.length) throw new Error(wrong.join("\n"));
} catch (error) {
  console.log(error.stack);
  process.exitCode = 1;
}
rmSync(profile, { recursive: true, force: true, maxRetries: 3 });
process.exit();
