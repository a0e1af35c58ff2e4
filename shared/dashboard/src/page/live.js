// The connection: server-sent events, and what to say when they stay away.

import { change, fleet, heard, replace } from "./fleet.js";

/** A hidden page gives its seat up after this long: nobody looks, and each reading costs. */
const HIDDEN = 30_000;
/** A connection that the browser has given up on is tried again after this long. */
const AGAIN = 2_000;

let source = null;
let timer = null;
let last = 0;
let tell = () => {};
/** `connecting`, `live`, `trouble` with a reason, or `lost`. */
export const connection = { is: "connecting", reason: "" };

/** How long nothing was heard, in milliseconds. */
export const silence = () => Date.now() - last;

/** How long the fleet may be silent before its data is called old. */
export const patience = () => Math.max(10_000, 3 * (fleet.now?.everyMillis ?? 1_000));

/** Follows the fleet; `told` is called after each event with its name. */
export function follow(told) {
  tell = told;
  last = Date.now();
  connect();
  let hidden = null;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hidden);
    if (document.hidden) hidden = setTimeout(close, HIDDEN);
    else if (!source) connect();
  });
  window.addEventListener("online", () => source?.readyState !== EventSource.OPEN && connect());
}

function close() {
  clearTimeout(timer);
  source?.close();
  source = null;
}

function connect() {
  close();
  source = new EventSource("events");
  on("overview", replace);
  on("change", change);
  on("tick", ({ at }) => heard(at));
  source.addEventListener("trouble", ({ data }) => {
    last = Date.now();
    is("trouble", JSON.parse(data).reason);
  });
  source.addEventListener("error", () => {
    is("lost");
    // It tries again by itself unless the server refused it.
    if (source?.readyState === EventSource.CLOSED) timer = setTimeout(connect, AGAIN);
  });
}

function on(name, work) {
  const own = source;
  source.addEventListener(name, ({ data }) => {
    // What an older connection still had to say is of no use.
    if (own !== source || (name !== "overview" && !fleet.now)) return;
    last = Date.now();
    work(JSON.parse(data));
    is("live");
    tell(name);
  });
}

function is(what, reason = "") {
  if (connection.is === what && connection.reason === reason) return;
  Object.assign(connection, { is: what, reason });
  tell("connection");
}
