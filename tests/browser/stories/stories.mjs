// The stories.

import assert from "node:assert/strict";
import { join } from "node:path";
import { focused, isIn, isLegible, row, says } from "./check.mjs";

/** What would tell that a page was loaded again. */
const mark = (page) => page.evaluate(() => { globalThis.stillHere = true; });
const isMarked = (page) => page.evaluate(() => globalThis.stillHere === true);

const HOSTILE = [
  "<img src=x onerror=alert(1)>", "<script>alert(2)</script>", "'\"><svg/onload=alert(3)>", "\u202egnp.exe\u202c done",
  `${"x".repeat(400)}`, "{{constructor.constructor('alert(4)')()}}", "https://evil.example/#\u200b",
];

export const stories = {
  async a_job_appears_moves_and_ends_without_reload({ open, act }) {
    const page = await open();
    await says(page.locator(".nothing"), "No jobs yet");
    await mark(page);
    await act("queue", { id: 7, name: "unit tests", labels: ["self-hosted", "class:small"] });
    await isIn(page, 7, "waiting");
    await act("wait", { id: 7 });
    await says(row(page, 7), "1st in line; waits for capacity (runners of the fleet: 24 at most)");
    await act("launch", { id: 7 });
    await isIn(page, 7, "starting");
    await says(page.locator("#runners"), "ff-7-1");
    await says(page.locator("#capacity"), "1 of 24");
    await act("start", { id: 7 });
    await isIn(page, 7, "running");
    await says(page.locator("#runners-note"), "1 busy");
    await says(page.locator("#times-span"), "last hour, 1 job");
    await act("finish", { id: 7, conclusion: "success" });
    await isIn(page, 7, "ended");
    await says(page.locator("#costs"), "acme/app");
    await says(page.locator("#runners"), "No runner is up");
    await act("queue", { id: 8, name: "typo", labels: ["self-hosted", "class:smal"] });
    await act("reject", { id: 8, reason: "class:smal is no class" });
    await says(page.locator("#failures"), "class:smal is no class");
    assert.equal(await page.locator(".row").count(), 2, "one row for a job, wherever it went");
    assert.ok(await isMarked(page));
  },

  async a_job_has_a_timeline_that_a_link_leads_to({ open, act, wrong }) {
    await act("queue", { id: 7, name: "unit tests", labels: ["self-hosted", "class:small"], page: "https://github.com/acme/app/actions/runs/1/job/7" });
    const page = await open({ hash: "#job=7" });
    await says(page.locator("#job .steps"), "its labels mean small");
    assert.equal(await page.locator("#job a[target=_blank]").getAttribute("href"), "https://github.com/acme/app/actions/runs/1/job/7");
    await says(page.locator("#job .help-box"), "What helps");
    await act("launch", { id: 7 });
    await says(page.locator("#job"), "What happened to its runner");
    await act("start", { id: 7 });
    await says(page.locator("#job .badge"), "Running");
    await page.getByRole("button", { name: "Close" }).click();
    assert.equal(new URL(page.url()).hash, "");
    await page.goto(`${page.url()}#job=99`);
    await says(page.locator("#job"), "does not know this job");
    // The browser itself tells of an answer that is no success.
    wrong.splice(0, wrong.length, ...wrong.filter((it) => !it.includes("404")));
  },

  async a_lost_connection_is_shown_and_recovers({ open, act, wrong }) {
    await act("queue", { id: 7, name: "unit tests" });
    const page = await open();
    await isIn(page, 7, "waiting");
    await act("stop");
    await says(page.getByRole("alert"), "Connection lost.");
    await says(page.getByRole("status"), "Connection lost");
    assert.ok(await row(page, 7).isVisible(), "what was known stays");
    await act("reject", { id: 7, reason: "no" });
    await act("serve");
    await isIn(page, 7, "ended");
    await page.locator("#status[data-is=live]").waitFor();
    assert.equal(await page.getByRole("alert").textContent(), "");
    // The browser itself tells of connections that it did not get.
    wrong.splice(0, wrong.length, ...wrong.filter((it) => !/ERR_(CONNECTION|INCOMPLETE|EMPTY)/.test(it)));
  },

  async a_thousand_jobs_stay_smooth({ open, act }) {
    await act("crowd", { count: 1000 });
    const page = await open();
    await page.locator(".row").nth(999).waitFor({ state: "attached" });
    await page.evaluate(() => {
      globalThis.long = [];
      globalThis.frames = [];
      globalThis.touched = 0;
      new PerformanceObserver((list) => long.push(...list.getEntries().map((it) => it.duration))).observe({ type: "longtask" });
      new MutationObserver((list) => { touched += list.length; }).observe(document.getElementById("groups"), { subtree: true, childList: true, attributes: true, characterData: true });
      globalThis.kept = [...document.querySelectorAll(".row")];
      let last = performance.now();
      (function frame(now = last) { frames.push(now - last); last = now; requestAnimationFrame(frame); })();
    });
    for (let id = 1; id <= 100; id += 1) {
      await act("launch", { id });
      if (id % 2) await act("start", { id });
      if (id % 10 === 0) await page.mouse.wheel(0, 900);
    }
    await isIn(page, 100, "starting");
    await isIn(page, 99, "running");
    const { long, frames, touched, kept } = await page.evaluate(() => ({ long: globalThis.long, frames: globalThis.frames, touched: globalThis.touched,
      kept: globalThis.kept.filter((it) => it.isConnected).length }));
    frames.sort((a, b) => a - b);
    const at = (share) => Math.round(frames[Math.floor((frames.length - 1) * share)]);
    console.log(`1000 jobs, 100 of them moving: ${frames.length} frames, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms; ` +
      `${long.length} tasks beyond 50 ms, the longest ${Math.round(Math.max(0, ...long))} ms; ${touched} changes of the list`);
    assert.equal(kept, 1000, "rows are moved, not made again");
    // Only what changed is touched: a page drawn anew with each reading would come to many ten thousands.
    assert.ok(touched < 100 * 40, `${touched} changes`);
    // Generous, as other programs run beside this test; drawing a thousand rows anew takes seconds.
    assert.ok(at(0.5) < 100, `half of the frames took more than ${at(0.5)} ms`);
  },

  async everything_works_with_the_keyboard({ open, act }) {
    for (const id of [1, 2, 3]) await act("queue", { id, name: `job ${id}` });
    const page = await open();
    await isIn(page, 3, "waiting");
    await page.keyboard.press("Tab");
    assert.ok(await page.locator(".skip").evaluate((it) => it === document.activeElement), "the first Tab leads past the rest");
    await page.keyboard.press("Enter");
    assert.equal(await focused(page), "1");
    await page.keyboard.press("ArrowDown");
    assert.equal(await focused(page), "2");
    await page.keyboard.press("End");
    assert.equal(await focused(page), "3");
    await page.keyboard.press("k");
    assert.equal(await focused(page), "2");
    await act("launch", { id: 2 });
    await isIn(page, 2, "starting");
    assert.equal(await focused(page), "2", "a job that moves keeps the focus");
    await page.keyboard.press("Enter");
    await says(page.locator("#job .steps"), "launched");
    assert.ok(await page.locator("#job-title").evaluate((it) => it === document.activeElement));
    await page.keyboard.press("Escape");
    await page.locator("#job").waitFor({ state: "hidden" });
    assert.equal(await focused(page), "2", "the focus is back where it was");
    await page.keyboard.press("2");
    assert.deepEqual([await row(page, 1).isVisible(), await row(page, 2).isVisible()], [false, true]);
    await page.keyboard.press("0");
    await page.keyboard.press("/");
    assert.equal(await focused(page), "search");
    await page.keyboard.type("job 3");
    await row(page, 1).waitFor({ state: "detached" });
    await page.keyboard.press("Enter");
    assert.equal(await focused(page), "3");
    await page.keyboard.press("?");
    await says(page.locator("#help"), "Open a job’s timeline");
    await page.keyboard.press("Escape");
    await page.locator("#help").waitFor({ state: "hidden" });
  },

  async hostile_names_and_labels_are_harmless({ open, act, wrong }) {
    for (const [n, name] of HOSTILE.entries()) {
      const labels = ["self-hosted", `class:<b onmouseover=alert(5)>${n}`, `image:${"\u202e"}<i>`];
      await act("queue", { id: n + 1, name, labels, page: n % 2 ? "javascript:alert(6)" : "data:text/html,<script>alert(7)</script>" });
      await act("reject", { id: n + 1, reason: `${name}: no` });
    }
    const page = await open();
    for (const [n, name] of HOSTILE.entries()) {
      const shown = await row(page, n + 1).locator(".name").textContent();
      assert.ok(!/[\u200b\u202a-\u202e\u2066-\u2069]/.test(shown), "nothing reorders or hides");
      assert.ok(shown.startsWith(`CI / ${name.slice(0, 1) === "\u202e" ? "\\u{202e}" : name.slice(0, 20)}`), shown);
      await page.evaluate((id) => { location.hash = `#job=${id}`; }, n + 1);
      await page.locator("#job .steps").waitFor();
      await says(page.locator("#job .facts"), String(n + 1));
      assert.equal(await page.locator("#job a[target=_blank]").count(), 0, "no link to what is no https address");
    }
    const inner = await page.evaluate(() => document.querySelectorAll("#groups img, #groups script, #groups b, #groups i, #job img, #job script, #job b, .side img, .side script").length);
    assert.equal(inner, 0, "text became no element");
    const width = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(width <= 0, "a long name widens nothing");
    assert.deepEqual(wrong, [], "no script ran, nothing was asked for elsewhere, the policy was not needed");
    const policy = await page.evaluate(() => {
      // It would hold even if text became markup.
      try { document.body.insertAdjacentHTML("beforeend", "<p>x</p>"); return "allowed"; } catch { return "refused"; }
    });
    assert.equal(policy, "refused");
    wrong.splice(0);
  },

  async it_fits_a_phone({ open, act }) {
    await act("showcase");
    await act("queue", { id: 1, name: "x".repeat(400), labels: ["self-hosted", `class:${"y".repeat(200)}`] });
    const page = await open({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
    await isIn(page, 1, "waiting");
    const beyond = () => page.evaluate(() => [...document.querySelectorAll("body *")].filter((it) => it.checkVisibility() && !it.closest(".symbols, .visually-hidden, .skip, .chips, .clip, .row"))
      .filter((it) => it.getBoundingClientRect().right > innerWidth + 1).map((it) => it.outerHTML.slice(0, 80)));
    assert.deepEqual(await beyond(), []);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
    const small = await page.evaluate(() => [...document.querySelectorAll("button, .row > a")].filter((it) => it.checkVisibility({ contentVisibilityAuto: true })).filter((it) => {
      const { width, height } = it.getBoundingClientRect();
      return Math.min(width, height) < 32;
    }).length);
    assert.equal(small, 0, "everything can be hit with a finger");
    await row(page, 1).locator("a").tap();
    await page.locator("#job .steps").waitFor();
    assert.deepEqual(await beyond(), []);
    assert.equal(await page.locator("#job").evaluate((it) => it.getBoundingClientRect().width), 360);
  },

  async it_is_legible_in_light_and_dark_and_with_a_screen_reader({ open, act }) {
    await act("showcase");
    for (const colorScheme of ["light", "dark"]) {
      const page = await open({ colorScheme });
      await page.locator("[data-group=ended] .row").first().waitFor({ state: "attached" });
      await isLegible(page, colorScheme);
      const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number));
      assert.equal(ground[0] > 128, colorScheme === "light");
      await page.locator("[data-group=running] .row > a").first().click();
      await page.locator("#job .steps").first().waitFor();
      await isLegible(page, `${colorScheme}, a job`);
      await page.context().close();
    }
  },

  async only_what_is_searched_for_is_shown({ open, act }) {
    await act("queue", { id: 1, name: "unit tests", labels: ["self-hosted", "class:small"] });
    await act("queue", { id: 2, name: "deploy", labels: ["self-hosted", "class:large"] });
    const page = await open();
    await isIn(page, 2, "waiting");
    await page.getByRole("searchbox").fill("class:large dep");
    await row(page, 1).waitFor({ state: "detached" });
    await says(page.locator("#jobs-note"), "1 of 2 jobs");
    await act("queue", { id: 3, name: "deploy again", labels: ["self-hosted", "class:large"] });
    await isIn(page, 3, "waiting");
    await act("queue", { id: 4, name: "lint" });
    await says(page.locator("#jobs-note"), "2 of 4 jobs");
    await page.getByRole("searchbox").fill("nothing like that");
    await says(page.locator(".nothing"), "No job is like that");
    await page.getByRole("searchbox").fill("");
    await page.getByRole("button", { name: /^Running/ }).click();
    await says(page.locator(".nothing"), "No job is like that");
  },

  /** Looks at the page with everything on it, and keeps pictures for the guide where that is asked for. */
  async pictures({ open, act }) {
    await act("showcase");
    const kinds = [
      ["dashboard-light", { colorScheme: "light", viewport: { width: 1240, height: 760 } }, null],
      ["dashboard-dark", { colorScheme: "dark", viewport: { width: 1240, height: 760 } }, "[data-group=running] .row > a"],
      ["dashboard-phone", { colorScheme: "light", viewport: { width: 390, height: 800 } }, null],
    ];
    for (const [name, options, opens] of kinds) {
      const page = await open(options);
      await page.locator("[data-group=running] .row").first().waitFor();
      if (opens) {
        await page.locator(opens).nth(2).click();
        await page.locator("#job .steps").first().waitFor();
      }
      await page.evaluate(() => document.fonts.ready);
      const picture = await page.screenshot(process.env.FLEETFOOT_SCREENSHOTS ? { path: join(process.env.DOCS, `${name}.png`) } : {});
      assert.ok(picture.length > 20_000 && picture.length < 200_000, `${name}: ${picture.length} bytes`);
      await page.context().close();
    }
  },
};
