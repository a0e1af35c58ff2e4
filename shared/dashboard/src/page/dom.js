// Making and keeping elements. Text reaches the page as text only: nothing here parses markup.

const SVG = "http://www.w3.org/2000/svg";

/** Makes an element. Properties are set as attributes; `null` and `false` leave one out; functions are listeners. */
export function el(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

/** One of the symbols of the page. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

export function setIcon(svg, name) {
  const use = svg.firstChild;
  const href = `#i-${name}`;
  if (use.getAttribute("href") !== href) use.setAttribute("href", href);
}

/** Writes a text only where it is another, so that what nobody sees change is not drawn again. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function attribute(element, name, value) {
  if (value === null || value === undefined || value === false) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
  } else if (element.getAttribute(name) !== String(value)) {
    element.setAttribute(name, value);
  }
}

/** A link that leads away, if it may: `https` and nothing else. */
export function outward(address, ...children) {
  let url = null;
  try {
    url = new URL(address);
  } catch {
    // No address at all.
  }
  if (url?.protocol !== "https:") return null;
  return el("a", { class: "link", href: url.href, target: "_blank", rel: "noopener noreferrer" }, ...children, icon("out"));
}

/**
 * Keeps the children of `parent` in step with `items`: an element for each key, made once, filled again when its item is
 * another object, moved when its place is another. `known` is a map that belongs to the parent alone.
 */
export function keep(parent, known, items, key, make, fill) {
  const wanted = new Set(items.map(key));
  // What is gone goes first: a row that stays in its place is then not moved past it.
  for (const [name, row] of known) {
    if (wanted.has(name)) continue;
    // It may have been moved to another list in the meantime.
    if (row.element.parentNode === parent) row.element.remove();
    known.delete(name);
  }
  let next = parent.firstChild;
  for (const item of items) {
    const name = key(item);
    let row = known.get(name);
    if (!row) {
      row = { element: make(item), item: null };
      known.set(name, row);
    }
    if (row.item !== item) {
      fill(row.element, item);
      row.item = item;
    }
    if (row.element === next) next = next.nextSibling;
    else parent.insertBefore(row.element, next);
  }
}
