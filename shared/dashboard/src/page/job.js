// The sheet of one job: where it is, how it came there, what would help. `#job=ID` leads to it.

import { el, icon, outward } from "./dom.js";
import { clock, fleet } from "./fleet.js";
import { focusJob } from "./jobs.js";
import { WORDS, dateTime, plain, span, time, title, usd } from "./text.js";

const sheet = document.getElementById("job");
const heading = document.getElementById("job-title");
const body = document.getElementById("job-body");
/** The job that is shown, and what was last known of it in the overview. */
let shown = null;
let known = null;
let asked = 0;

const fromAddress = () => /^#job=(\d{1,20})$/.exec(location.hash)?.[1] ?? null;

export function begin() {
  window.addEventListener("hashchange", route);
  sheet.addEventListener("close", () => {
    if (fromAddress()) history.replaceState(null, "", location.pathname + location.search);
    if (shown) focusJob(Number(shown));
    shown = null;
  });
  route();
}

function route() {
  const id = fromAddress();
  if (id === null) {
    if (sheet.open) sheet.close();
    return;
  }
  if (id === shown) return;
  shown = id;
  known = current();
  heading.textContent = known.job ? title(known.job) : `Job ${id}`;
  body.replaceChildren(el("p", { class: "quiet", role: "status" }, "Reading …"));
  if (!sheet.open) sheet.showModal();
  heading.focus();
  read();
}

/** Reads the job again if it, or its runner, is not what it was. */
export function draw() {
  if (!shown) return;
  const now = current();
  if (now.job === known.job && now.runner === known.runner) return;
  known = now;
  read();
}

function current() {
  const job = fleet.jobs.get(Number(shown));
  return { job, runner: job && fleet.runners.get(job.runner) };
}

async function read() {
  const id = shown;
  const turn = ++asked;
  let found;
  try {
    const answer = await fetch(`api/jobs/${id}`, { headers: { accept: "application/json" } });
    found = await answer.json();
  } catch {
    found = { error: "The dashboard does not answer." };
  }
  // A later question, or another job, has overtaken this one.
  if (id !== shown || turn !== asked) return;
  const top = body.scrollTop;
  if (found.error) body.replaceChildren(el("p", { role: "status" }, plain(found.error)));
  else show(found);
  body.scrollTop = top;
}

function show({ job, phase, page, wait, timeline, runner }) {
  heading.textContent = title(job);
  const link = page && outward(page, "Open at GitHub");
  body.replaceChildren(
    el("p", { class: "state", "data-phase": phase }, el("span", { class: "badge" }, icon(phase), WORDS[phase]), link),
    ...help(job, phase, wait),
    ...spans(job, phase),
    facts(job, runner),
    el("h3", {}, "What happened to the job"),
    steps(timeline),
    ...(runner ? [el("h3", {}, "What happened to its runner"), steps(runner.timeline)] : []),
  );
}

function help(job, phase, wait) {
  if (job.reason) return [el("div", { class: "help-box", "data-phase": phase }, el("p", {}, plain(job.reason)))];
  if (!wait) return [];
  const again = wait.until && ` Tried again at ${time(wait.until)}.`;
  return [el("div", { class: "help-box", "data-phase": phase }, el("p", {}, `${capital(plain(wait.on))}.${again ?? ""}`),
    el("p", {}, `What helps: ${plain(wait.remedy)}.`))];
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** How long it was queued and how long it ran, as a bar. */
function spans(job, phase) {
  const [created, started, ended] = [job.createdAt, job.startedAt, job.endedAt].map((at) => (at ? Date.parse(at) : null));
  const until = ended ?? clock();
  const parts = [["waiting", started || ended ? "queued" : "queued for", (started ?? until) - created]];
  if (started) parts.push([ended ? phase : "running", ended ? "ran" : "running for", until - started]);
  const bar = el("div", { class: "spans", "aria-hidden": "true" });
  for (const [state, , millis] of parts) {
    const part = el("span", { "data-phase": state });
    part.style.flexGrow = Math.max(millis, 1);
    bar.append(part);
  }
  const words = parts.map(([state, word, millis]) => el("span", { "data-phase": state }, icon(state), `${word} ${span(millis)}`));
  return [bar, el("p", { class: "spans-key" }, words)];
}

function facts(job, runner) {
  const labels = el("span", { class: "chips" }, job.labels.map((label) => el("span", { class: "chip" }, plain(label))));
  const spec = job.spec && `${job.spec.class}: ${job.spec.cpu / 1024} vCPU, ${job.spec.memoryMib / 1024} GiB, ${job.spec.arch}, ${job.spec.capacity}`;
  const rows = [
    ["Repository", plain(job.repository)],
    ["Labels", labels],
    ["Gets", spec && plain(spec)],
    ["Image", job.spec?.image && plain(job.spec.image)],
    ["Runner", job.runner && plain(job.runner)],
    ["Task", runner?.task && plain(runner.task)],
    ["Cost", runner && runner.job === job.id && runner.costUsd !== null && usd(runner.costUsd)],
    ["Queued", dateTime(job.createdAt)],
    ["Launches", job.launches > 1 && `${job.launches}, of which ${job.failures} failed and ${job.replacements} were taken`],
    ["Number", `${job.id}, run ${job.runId}, attempt ${job.runAttempt}`],
  ];
  return el("dl", { class: "facts" }, rows.filter(([, value]) => value).map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]).flat());
}

function steps(timeline) {
  return el("ol", { class: "steps", role: "list" }, timeline.map(({ at, what, sincePreviousMillis: since }) => el("li", {},
    el("time", { datetime: at, title: dateTime(at) }, time(at)), el("span", { class: "mark", "aria-hidden": "true" }),
    el("span", { class: "what" }, plain(what), since > 0 ? el("span", { class: "since" }, `${span(since)} later`) : null))));
}
