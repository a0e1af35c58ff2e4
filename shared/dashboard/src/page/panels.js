// What stands beside the jobs: figures, capacity, runners, failures, images, cost, pools.

import { attribute, el, icon, keep, setIcon, write } from "./dom.js";
import { clock, fleet } from "./fleet.js";
import { WORDS, many, plain, shortSpan, span, time, usd } from "./text.js";

const at = (id) => document.getElementById(id);
const known = { capacity: new Map(), runners: new Map(), failures: new Map(), images: new Map(), costs: new Map(), pools: new Map(), times: new Map() };
/** Runners that failed are shown this long beside those that live. */
const RECENT = 3_600_000;

export function draw() {
  const { now } = fleet;
  times(now.queueToStart);
  cost(now.cost);
  keep(at("capacity"), known.capacity, gauges(now), (it) => it.key, makeGauge, fillGauge);
  runners();
  list("failures", now.failures, (it) => `${it.what}\n${it.reason}`, makeLine, fillFailure, "Nothing failed.");
  list("images", [...fleet.images.values()].sort(byNeed), (it) => it.key, makeLine, fillImage, "No image was asked for.");
  list("pools", now.pools, (it) => it.name, makeLine, fillPool, "");
  at("pools-card").hidden = now.pools.length === 0;
  const { cut } = now;
  write(at("cut"), [
    cut.open && "There are more open jobs and runners than are shown; the oldest are.",
    cut.images && "There are more images than are shown.",
    cut.endedSince && `So much ended that times, failures and cost are those since ${time(cut.endedSince)} only.`,
  ].filter(Boolean).join(" "));
}

/** A list, or a word where there is nothing. */
function list(id, items, key, make, fill, none) {
  const rows = items.length || !none ? items : [{ none }];
  const name = (it) => (it.none ? "nothing" : key(it));
  keep(at(id), known[id], rows, name, (it) => (it.none ? el("li", { class: "quiet" }, it.none) : make(it)), (row, it) => it.none || fill(row, it));
}

// Figures

function times([hour, day]) {
  const shown = hour.jobs > 0 ? hour : day;
  write(at("times-span"), shown.jobs ? `${shown.hours === 1 ? "last hour" : "last 24 hours"}, ${many(shown.jobs, "job")}` : "last 24 hours");
  const rows = [["half", "p50", shown.p50Millis], ["9 of 10", "p90", shown.p90Millis], ["99 of 100", "p99", shown.p99Millis]];
  keep(at("times"), known.times, rows, ([, name]) => name, ([words, name]) => el("div", {}, el("dt", { title: `${words} started within` }, name), el("dd")),
    (row, [, , millis]) => write(row.lastChild, shortSpan(millis)));
}

function cost({ endedUsd, runningUsd, byRepository, pricesOf }) {
  const total = endedUsd + runningUsd;
  write(at("cost-total"), usd(total));
  write(at("cost-note"), `list prices of ${pricesOf}`);
  const most = Math.max(...byRepository.map((it) => it.usd), 1e-9);
  const items = byRepository.slice(0, 12).map((it) => ({ ...it, share: it.usd / most }));
  list("costs", items, (it) => it.repository ?? "", makeShare, fillCost, "Nothing yet.");
}

function makeShare() {
  const [name, note, amount, fill] = [el("span", { class: "clip" }), el("span", { class: "small quiet" }), el("span", { class: "end" }), el("span")];
  const row = el("li", { class: "line bare" }, el("span", { class: "main" }, name, note), amount, el("span", { class: "bar share", "aria-hidden": "true" }, fill));
  row.parts = { name, note, amount, fill };
  return row;
}

function fillCost(row, { repository, usd: amount, runners, share }) {
  write(row.parts.name, repository ? plain(repository) : "warm runners without a job");
  write(row.parts.note, many(runners, "runner"));
  write(row.parts.amount, usd(amount));
  row.parts.fill.style.scale = `${share.toFixed(3)} 1`;
}

// Capacity

function gauges({ capacity, breaker }) {
  const words = { fleet: "Whole fleet", class: "class", repository: "", builds: "builds of" };
  const shown = capacity.filter((it) => it.of === "fleet" || it.used > 0 || (it.of === "class" && it.limit !== null));
  const rows = shown.map((it) => ({ ...it, key: `${it.of} ${it.name}`, words: it.of === "fleet" ? words.fleet : `${words[it.of]} ${it.name}`.trim() }));
  if (breaker.used > 0) rows.push({ key: "breaker", words: "replacements in 10 minutes", used: breaker.used, limit: breaker.limit });
  return rows;
}

function makeGauge() {
  const [name, figure, fill] = [el("span", { class: "clip" }), el("span"), el("span")];
  const bar = el("div", { class: "bar", role: "meter", "aria-valuemin": "0" }, fill);
  const row = el("div", { class: "gauge" }, name, figure, bar);
  row.parts = { name, figure, bar, fill };
  return row;
}

function fillGauge(row, { words, used, limit }) {
  const { name, figure, bar, fill } = row.parts;
  write(name, plain(words));
  const share = limit ? used / limit : 0;
  const text = limit === null ? `${used}, no limit of its own` : `${used} of ${limit}`;
  write(figure, share >= 1 ? `full: ${text}` : text);
  bar.hidden = limit === null;
  attribute(bar, "aria-label", plain(words));
  attribute(bar, "aria-valuemax", limit ?? used);
  attribute(bar, "aria-valuenow", Math.min(used, limit ?? used));
  attribute(bar, "aria-valuetext", text);
  attribute(bar, "data-is", share >= 1 ? "full" : share >= 0.8 ? "high" : null);
  fill.style.scale = `${Math.min(1, share).toFixed(3)} 1`;
}

// Runners

const RANK = { failed: 0, busy: 1, starting: 2, idle: 3, leaving: 4 };

function runners() {
  const recent = (it) => it.phase === "failed" && clock() - Date.parse(it.stoppedAt ?? it.reservedAt) < RECENT;
  const open = [...fleet.runners.values()].filter((it) => (it.phase in RANK && it.state !== "stopped") || it.phase === "leaving" || recent(it));
  open.sort((a, b) => RANK[a.phase] - RANK[b.phase] || Date.parse(a.reservedAt) - Date.parse(b.reservedAt));
  list("runners", open, (it) => it.name, makeLine, fillRunner, "No runner is up, and none costs anything.");
  const { runnersBusy, runnersStarting, runnersIdle } = fleet.now.counts;
  const words = [runnersBusy && `${runnersBusy} busy`, runnersStarting && `${runnersStarting} starting`, runnersIdle && `${runnersIdle} idle`];
  write(at("runners-note"), words.filter(Boolean).join(", "));
  tick();
}

function makeLine() {
  const [symbol, word, first, note, end] = [icon("idle"), el("span", { class: "visually-hidden" }), el("span", { class: "clip" }),
    el("span", { class: "small quiet reason" }), el("span", { class: "end small quiet" })];
  const row = el("li", { class: "line" }, symbol, el("span", { class: "main" }, word, first, note), end);
  row.parts = { symbol, word, first, note, end };
  return row;
}

function fillLine(row, phase, symbol, word, first, note) {
  attribute(row, "data-phase", phase);
  setIcon(row.parts.symbol, symbol);
  write(row.parts.word, `${word}: `);
  if (typeof first === "string") write(row.parts.first, first);
  else row.parts.first.replaceChildren(first);
  write(row.parts.note, note);
}

const jobLink = (id, text) => el("a", { href: `#job=${id}` }, text);

function fillRunner(row, runner) {
  const symbol = { busy: "running" }[runner.phase] ?? runner.phase;
  const job = runner.jobName && `${plain(runner.repository ?? "")} · ${plain(runner.jobName)}`;
  const doing = runner.reason ?? job ?? (runner.pool ? `warm, of pool ${runner.pool}` : WORDS[runner.phase]);
  const name = plain(runner.name);
  fillLine(row, runner.phase, symbol, WORDS[runner.phase], runner.job ? jobLink(runner.job, name) : name, `${plain(runner.class)} · ${plain(doing)}`);
  attribute(row, "title", plain(runner.spec));
  row.runner = runner;
}

/** Keeps ages and running cost up. */
export function tick() {
  const now = clock();
  for (const row of at("runners").children) {
    const { runner } = row;
    if (!runner) continue;
    const since = Date.parse(runner.startedAt ?? runner.reservedAt);
    const until = runner.stoppedAt ? Date.parse(runner.stoppedAt) : now;
    // A minute at least is billed.
    const running = runner.startedAt ? (Math.max(until - since, 60_000) / 3_600_000) * runner.usdPerHour : null;
    write(row.parts.end, [span(until - since), usd(runner.costUsd ?? running)].join(" · "));
  }
  for (const row of at("failures").children) if (row.failure) write(row.parts.end, `${row.failure.count}×`);
}

// Failures, images, pools

const FAILED = { rejected: "Job rejected", expired: "Job given up", runner: "Runner failed", image: "Image build failed", steps: "Job’s own steps failed" };
const CONCLUSIONS = { failure: "a step ended with an error", timed_out: "it ran out of its time", startup_failure: "it could not begin" };

function fillFailure(row, failure) {
  const { what, reason, job, lastAt } = failure;
  const phase = what === "steps" ? "ended" : "failed";
  const symbol = { rejected: "rejected", expired: "expired", steps: "ended" }[what] ?? "failed";
  const words = what === "steps" ? CONCLUSIONS[reason] ?? reason : reason;
  fillLine(row, phase, symbol, "Failure", job ? jobLink(job, FAILED[what]) : FAILED[what], plain(words));
  attribute(row, "title", `${plain(reason)} (last at ${time(lastAt)})`);
  attribute(row.parts.end, "class", "end count");
  row.failure = failure;
  write(row.parts.end, `${failure.count}×`);
}

const NEED = { failed: 0, building: 1, resolving: 2, ready: 3 };
const byNeed = (a, b) => NEED[a.phase] - NEED[b.phase] || a.image.localeCompare(b.image) || a.key.localeCompare(b.key);

function fillImage(row, image) {
  const symbol = { building: "starting", resolving: "waiting", ready: "succeeded" }[image.phase] ?? "failed";
  const meanwhile = image.phase !== "ready" && image.isServed && "an older one serves meanwhile";
  const waits = image.waiting > 0 && `${many(image.waiting, "job")} ${image.waiting === 1 ? "waits" : "wait"}`;
  const note = [WORDS[image.phase], image.reason && plain(image.reason), meanwhile, waits, image.isOld && "due to be made anew"];
  fillLine(row, image.phase, symbol, "Image", plain(image.image), note.filter(Boolean).join(" · "));
  write(row.parts.end, image.arch);
}

function fillPool(row, { name, idle, wanted, starting, class: size }) {
  const phase = idle >= wanted ? "ready" : "starting";
  const coming = starting > 0 && `${starting} starting`;
  fillLine(row, phase, phase === "ready" ? "succeeded" : "starting", "Pool", plain(name), [plain(size), coming].filter(Boolean).join(" · "));
  write(row.parts.end, `${idle} of ${wanted} idle`);
}
