// Words, times and amounts.

// Characters that nobody sees or that reorder what is read ("Trojan Source", CVE-2021-42574), shown by their number.
// The zero-width joiner stays: emoji are made with it.
const HARMFUL = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udfff]/g;

/** A text from outside, with nothing in it that misleads a reader. */
export function plain(text) {
  return String(text ?? "").replace(/[\t\r\n]+/g, " ").replace(HARMFUL, (it) => `\\u{${it.codePointAt(0).toString(16)}}`);
}

export const title = (job) => plain(job.workflow ? `${job.workflow} / ${job.name}` : job.name);

/** A span of time in two units at most: `8 s`, `3 min 5 s`, `2 h 10 min`, `4 d 3 h`. */
export function span(millis) {
  if (millis === null || millis === undefined) return "–";
  const seconds = Math.max(0, Math.round(millis / 1000));
  if (seconds < 1 && millis > 0) return `${Math.round(millis)} ms`;
  if (seconds < 60) return `${seconds} s`;
  const [minutes, hours, days] = [Math.floor(seconds / 60), Math.floor(seconds / 3600), Math.floor(seconds / 86400)];
  if (minutes < 60) return two(minutes, "min", seconds % 60, "s");
  if (hours < 24) return two(hours, "h", minutes % 60, "min");
  return two(days, "d", hours % 24, "h");
}

const two = (large, unit, small, smallUnit) => (small ? `${large} ${unit} ${small} ${smallUnit}` : `${large} ${unit}`);

/** The same for figures: `24 s`, `1.5 min`. */
export function shortSpan(millis) {
  if (millis === null || millis === undefined) return "–";
  if (millis < 9_950) return `${(millis / 1000).toFixed(1)} s`;
  if (millis < 99_500) return `${Math.round(millis / 1000)} s`;
  if (millis < 5_970_000) return `${(millis / 60_000).toFixed(1)} min`;
  return `${(millis / 3_600_000).toFixed(1)} h`;
}

export const time = (at) => new Date(at).toLocaleTimeString([], { hourCycle: "h23", hour: "2-digit", minute: "2-digit", second: "2-digit" });

export const dateTime = (at) => new Date(at).toLocaleString([], { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });

/** Dollars, with as many digits as say something: `$0.0042`, `$0.38`, `$128`. */
export function usd(amount) {
  if (amount === null || amount === undefined) return "–";
  const digits = amount === 0 || amount >= 100 ? (amount === 0 ? 2 : 0) : amount < 0.1 ? 4 : 2;
  return `$${amount.toFixed(digits)}`;
}

export const many = (count, one, more = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : more}`;

export const WORDS = {
  waiting: "Waiting", starting: "Starting", running: "Running", succeeded: "Succeeded", failed: "Failed", ended: "Ended",
  rejected: "Rejected", expired: "Given up", busy: "Busy", idle: "Idle", leaving: "Leaving", done: "Done",
  resolving: "Looking up", building: "Building", ready: "Ready",
};
