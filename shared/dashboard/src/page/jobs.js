// The jobs: groups by where they are, a row for each, filters, and going through them with the keyboard.

import { attribute, el, icon, keep, setIcon, write } from "./dom.js";
import { clock, fleet } from "./fleet.js";
import { WORDS, many, plain, span, title, usd } from "./text.js";

const OPEN = new Set(["waiting", "starting", "running"]);
const GROUPS = ["waiting", "starting", "running", "ended"];
const GROUP_WORDS = { waiting: "Waiting", starting: "Starting", running: "Running", ended: "Ended" };
/** What the page may show only: one group, or null for all. */
let only = null;
let wanted = [];
/** Rows that are on the screen: only their times are kept up. */
const seen = new Set();
const watcher = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) seen.add(target);
    else seen.delete(target);
  }
  tick();
});

const groups = document.getElementById("groups");
const note = document.getElementById("jobs-note");
const phases = document.getElementById("phases");
const parts = new Map(GROUPS.map((name) => [name, group(name)]));
/** Each job's element, whatever group it is in: it moves, and keeps the focus. */
const rows = new Map();
const nothing = el("p", { class: "nothing", hidden: true });
groups.append(nothing);

const groupOf = (job) => (OPEN.has(job.phase) ? job.phase : "ended");

function group(name) {
  const count = el("span", { class: "count" });
  const list = el("ul", { "aria-label": `${GROUP_WORDS[name]} jobs` });
  const section = el("section", { class: "group", hidden: true, "data-phase": name, "data-group": name },
    el("h3", {}, icon(name), GROUP_WORDS[name], count), list);
  groups.append(section);
  return { section, list, count, known: new Map(), tile: tile(name) };
}

function tile(name) {
  const number = el("span", { class: "number" }, "–");
  const beside = el("span", { class: "note quiet small" }, " ");
  const button = el("button", {
    class: "phase", type: "button", "data-phase": name, "aria-pressed": "false", click: () => choose(only === name ? null : name),
  }, icon(name), el("span", { class: "word" }, name === "ended" ? "Ended today" : GROUP_WORDS[name]), number, beside);
  phases.append(button);
  return { button, number, beside };
}

/** Shows one group only; null shows all. */
export function choose(name) {
  only = name;
  for (const [group, { tile }] of parts) tile.button.setAttribute("aria-pressed", String(group === name));
  draw();
}

export const chooseNth = (n) => choose(n === 0 ? null : GROUPS[n - 1]);

/** Shows only jobs that have every word of a text somewhere. */
export function search(text) {
  wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
  draw();
}

function matches(job) {
  if (!wanted.length) return true;
  const text = [job.id, job.repository, job.workflow, job.name, job.runner, job.phase, job.state, job.class, job.reason, job.wait?.on,
    job.conclusion, ...job.labels].join("\n").toLowerCase();
  return wanted.every((word) => text.includes(word));
}

const oldest = (a, b) => Date.parse(a.createdAt) - Date.parse(b.createdAt) || a.id - b.id;
const newest = (a, b) => Date.parse(b.changedAt) - Date.parse(a.changedAt) || b.id - a.id;
const inTurn = (a, b) => (a.turn ?? Infinity) - (b.turn ?? Infinity) || oldest(a, b);
const ORDER = { waiting: inTurn, starting: oldest, running: oldest, ended: newest };

/** Brings the lists in step with what is known. */
export function draw() {
  if (!fleet.now) return;
  const focused = document.activeElement;
  const sorted = new Map(GROUPS.map((name) => [name, []]));
  let shown = 0;
  for (const job of fleet.jobs.values()) {
    const name = groupOf(job);
    if ((only === null || only === name) && matches(job)) {
      sorted.get(name).push(job);
      shown += 1;
    }
  }
  for (const name of GROUPS) {
    const { section, list, count, known } = parts.get(name);
    const jobs = sorted.get(name).sort(ORDER[name]);
    keep(list, known, jobs, (job) => job.id, take, fill);
    section.hidden = jobs.length === 0;
    write(count, jobs.length.toLocaleString("en"));
  }
  for (const [id, element] of rows) {
    if (!fleet.jobs.has(id)) {
      rows.delete(id);
      forget(element);
    } else if (!element.isConnected) {
      seen.delete(element);
    }
  }
  // A job that moves to another group takes its element along, which takes the focus from it.
  if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  counts();
  empty(shown);
  rove();
  tick();
}

function forget(element) {
  seen.delete(element);
  watcher.unobserve(element);
}

function counts() {
  const { waiting, starting, running, finishedToday, succeededToday, refusedToday } = fleet.now.counts;
  const values = { waiting, starting, running, ended: finishedToday + refusedToday };
  const open = [...fleet.jobs.values()].filter((job) => job.phase === "waiting");
  const kinds = { capacity: "for capacity", image: "for an image", rateLimit: "for a rate limit", nextTry: "to try again" };
  const [kind, number] = most(open.map((job) => kinds[job.wait?.kind]).filter(Boolean));
  const failed = finishedToday - succeededToday;
  const beside = {
    waiting: kind ? `${number} ${kind}` : "for nothing in particular",
    starting: "runners on their way",
    running: many(fleet.now.counts.runnersBusy, "busy runner"),
    ended: [`${succeededToday} well`, failed && `${failed} not`, refusedToday && `${refusedToday} refused`].filter(Boolean).join(", "),
  };
  for (const [name, { tile }] of parts) {
    write(tile.number, values[name].toLocaleString("en"));
    write(tile.beside, values[name] ? beside[name] : " ");
  }
}

/** The most frequent of them, and how often. */
function most(values) {
  const counted = new Map();
  for (const value of values) counted.set(value, (counted.get(value) ?? 0) + 1);
  return [...counted].sort((a, b) => b[1] - a[1])[0] ?? [null, 0];
}

function empty(shown) {
  const filtered = only !== null || wanted.length > 0;
  nothing.hidden = shown > 0;
  write(nothing, filtered ? "No job is like that. Esc in the search, or 0, shows all." : "No jobs yet. The first one appears here by itself.");
  write(note, filtered ? `${shown.toLocaleString("en")} of ${many(fleet.jobs.size, "job")}` : many(shown, "job"));
}

/** The row of a job: the one that it has, wherever that is. */
function take(job) {
  let row = rows.get(job.id);
  if (!row) {
    row = make(job);
    rows.set(job.id, row);
    watcher.observe(row);
  }
  return row;
}

function make(job) {
  const name = el("span", { class: "name" });
  const repository = el("span", { class: "repository" });
  const chips = el("span", { class: "chips" });
  const why = el("span", { class: "why" });
  const when = el("span", { class: "time" });
  const since = el("span", { class: "small quiet" });
  const state = el("span", { class: "visually-hidden" });
  const symbol = icon("waiting");
  const link = el("a", { href: `#job=${job.id}`, tabindex: "-1" }, symbol, el("span", { class: "what" },
    el("span", { class: "title" }, name, repository, chips), why), el("span", { class: "when" }, when, since), state);
  const row = el("li", { class: "row", "data-job": job.id }, link);
  row.parts = { link, name, repository, chips, why, when, since, state, symbol };
  return row;
}

function fill(row, job) {
  const { name, repository, chips, why, state, symbol } = row.parts;
  const before = row.job;
  row.job = job;
  attribute(row, "data-phase", job.phase);
  setIcon(symbol, job.phase);
  write(name, title(job));
  attribute(name, "title", title(job).length > 60 ? title(job) : null);
  write(repository, plain(job.repository));
  write(state, `${WORDS[job.phase]}. `);
  write(why, reason(job));
  const labels = job.labels.map(plain).filter((label) => label.includes(":") || label === "spot");
  if (chips.textContent !== labels.join("")) chips.replaceChildren(...labels.map((label) => el("span", { class: "chip" }, label)));
  if (before && before.phase !== job.phase) flash(row);
}

/** A moment of colour where a job has moved. */
function flash(row) {
  row.removeAttribute("data-fresh");
  requestAnimationFrame(() => row.setAttribute("data-fresh", ""));
}

function reason(job) {
  if (job.reason) return plain(job.reason);
  if (job.wait) return plain(job.turn ? `${place(job.turn)} in line; ${job.wait.on}` : job.wait.on);
  if (job.phase === "running") return `on ${plain(job.runner)}`;
  return [job.conclusion, job.startedAt && `waited ${span(Date.parse(job.startedAt) - Date.parse(job.createdAt))}`,
    job.costUsd !== null && usd(job.costUsd)].filter(Boolean).map(plain).join(" · ");
}

function place(n) {
  const last = n % 100 > 10 && n % 100 < 14 ? 0 : n % 10;
  return `${n.toLocaleString("en")}${{ 1: "st", 2: "nd", 3: "rd" }[last] ?? "th"}`;
}

/** Keeps the times of what is on the screen up. */
export function tick() {
  const now = clock();
  for (const row of seen) {
    const { job } = row;
    const { when, since } = row.parts;
    const ended = job.endedAt && Date.parse(job.endedAt);
    if (job.phase === "running") pair(when, since, now - Date.parse(job.startedAt ?? job.changedAt), "running");
    else if (!ended) pair(when, since, now - Date.parse(job.createdAt), "queued");
    else if (job.startedAt) pair(when, since, ended - Date.parse(job.startedAt), `${span(now - ended)} ago`);
    else pair(when, since, null, `${span(now - ended)} ago`);
  }
}

function pair(when, since, millis, word) {
  write(when, millis === null ? "" : span(millis));
  write(since, word);
}

// One row takes part in the order of the Tab key; arrows go through the others.

const links = () => [...groups.querySelectorAll(".group:not([hidden]) .row > a")];

function rove(to = null) {
  const current = to ?? groups.querySelector('.row > a[tabindex="0"]');
  const chosen = current?.isConnected && !current.closest("[hidden]") ? current : groups.querySelector(".group:not([hidden]) .row > a");
  for (const other of groups.querySelectorAll('.row > a[tabindex="0"]')) if (other !== chosen) other.tabIndex = -1;
  if (chosen && chosen.tabIndex !== 0) chosen.tabIndex = 0;
}

/** Moves the focus by so many rows; `-Infinity` and `Infinity` are the first and the last. */
export function move(by) {
  const all = links();
  if (!all.length) return;
  const at = all.indexOf(document.activeElement);
  const from = at < 0 ? all.findIndex((link) => link.tabIndex === 0) - Math.sign(by) : at;
  const to = all[Math.min(all.length - 1, Math.max(0, from + by))];
  rove(to);
  to.focus();
  to.scrollIntoView({ block: "nearest" });
}

export const focusJob = (id) => {
  const link = rows.get(id)?.parts.link;
  if (!link?.isConnected) return move(0);
  rove(link);
  link.focus({ preventScroll: true });
};

groups.addEventListener("focusin", ({ target }) => target.matches(".row > a") && rove(target));
