// The keyboard, the search and the help.

import { choose, chooseNth, move, search } from "./jobs.js";

const field = document.getElementById("search");
const help = document.getElementById("help");

const KEYS = {
  ArrowDown: () => move(1), j: () => move(1),
  ArrowUp: () => move(-1), k: () => move(-1),
  Home: () => move(-Infinity), End: () => move(Infinity),
  "/": () => field.select(),
  "?": () => help.showModal(),
  ...Object.fromEntries([0, 1, 2, 3, 4].map((n) => [n, () => chooseNth(n)])),
};

export function begin() {
  field.addEventListener("input", () => search(field.value));
  field.addEventListener("keydown", inSearch);
  document.addEventListener("keydown", onPage);
  document.getElementById("help-button").addEventListener("click", () => help.showModal());
  document.querySelector("[data-skip]").addEventListener("click", (event) => {
    event.preventDefault();
    move(0);
  });
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
    // What lies around it closes it, too.
    dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
  }
}

function inSearch(event) {
  if (event.key === "Escape") {
    event.preventDefault();
    if (field.value) {
      field.value = "";
      search("");
    } else {
      field.blur();
    }
  } else if (event.key === "ArrowDown" || event.key === "Enter") {
    event.preventDefault();
    move(0);
  }
  event.stopPropagation();
}

function onPage(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  // Lists that scroll want the arrows for themselves.
  if (event.target.closest?.(".scroll") && /^(Arrow|Home|End)/.test(event.key)) return;
  if (event.key === "Escape") return choose(null);
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}
