// The page: follows the fleet and draws at most once a frame.

import { el, write } from "./dom.js";
import { fleet } from "./fleet.js";
import * as job from "./job.js";
import * as jobs from "./jobs.js";
import * as keys from "./keys.js";
import { connection, follow, patience, silence } from "./live.js";
import * as panels from "./panels.js";
import { plain, span, time } from "./text.js";

const status = document.getElementById("status");
const statusText = document.getElementById("status-text");
const banners = document.getElementById("banners");
let isDrawing = false;

function draw() {
  isDrawing = false;
  say();
  if (!fleet.now) return;
  jobs.draw();
  panels.draw();
  job.draw();
  write(document.getElementById("fleet"), `${plain(fleet.now.fleet)} · ${plain(fleet.now.place)}`);
  const { waiting, running } = fleet.now.counts;
  document.title = `${running} running, ${waiting} waiting · Fleetfoot`;
}

function soon() {
  if (isDrawing) return;
  isDrawing = true;
  // A hidden page gets no frames; its title is still worth keeping up.
  if (document.hidden) setTimeout(draw);
  else requestAnimationFrame(draw);
}

/** How the connection is: words for a reader, and for a screen reader only when they change. */
function say() {
  const age = silence();
  const { is, reason } = connection;
  const state = is === "live" && age > patience() ? "old" : is;
  const words = { connecting: "Connecting", live: "Live", lost: "Connection lost", trouble: "Cannot read the fleet", old: "Data is old" };
  if (status.dataset.is !== state) status.dataset.is = state;
  write(statusText, words[state]);
  const since = fleet.now && `This is how it was at ${time(fleet.now.at)}`;
  const messages = [];
  if (state === "lost") messages.push(["bad", "Connection lost.", `${since ? `${since}. ` : ""}Trying again …`]);
  if (state === "old") messages.push(["warn", "Data is old.", `${since}; nothing was heard for ${span(Math.floor(age / 10_000) * 10_000)}.`]);
  if (state === "trouble") messages.push(["bad", "The fleet’s rows cannot be read.", `${plain(reason)}${since ? ` · ${since}.` : ""}`]);
  const { pause, breaker } = fleet.now ?? {};
  if (pause) messages.push(["warn", "Launches are paused", `until ${time(pause.until)}: ${plain(pause.reason)}`]);
  if (breaker?.isOpen) messages.push(["bad", "No runner is replaced", `until ${time(breaker.until)}: ${breaker.used} replacements in ten minutes are the limit.`]);
  const text = messages.flat().join("\n");
  if (banners.dataset.text === text) return;
  banners.dataset.text = text;
  banners.replaceChildren(...messages.map(([kind, strong, rest]) => el("p", { class: "banner", "data-is": kind }, el("strong", {}, strong), ` ${rest}`)));
}

keys.begin();
job.begin();
follow(soon);
setInterval(() => {
  say();
  if (!fleet.now || document.hidden) return;
  jobs.tick();
  panels.tick();
}, 1_000);
