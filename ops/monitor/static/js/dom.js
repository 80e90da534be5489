/** Makes elements; every text goes in as a text node, so that no name is ever read as HTML. */

// controls and bidirectional marks would hide or reorder the text around a hostile name
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** The text with what a reader could not see as its code: ``\\u202e``. */
export const visible = (text) => String(text).replace(
  UNSEEN, (character) => `\\u${character.codePointAt(0).toString(16).padStart(4, "0")}`,
);

const SVG = "http://www.w3.org/2000/svg";

export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  const shown = children.filter((child) => child !== null && child !== undefined);
  node.append(...shown.map((child) => (child instanceof Node ? child : visible(child))));
  return node;
}

/** Writes only changes, so that the browser lays out nothing else. */
export function setText(node, text) {
  const shown = visible(text);
  if (node.textContent !== shown) node.textContent = shown;
}

export function setClass(node, name) {
  if (node.className !== name) node.className = name;
}

/** A shape of index.html; hidden from screen readers, which read the word beside it. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

export function setIcon(svg, name) {
  const use = svg.firstChild;
  const href = `#icon-${name}`;
  if (use.getAttribute("href") !== href) use.setAttribute("href", href);
}

/** A table in a box of its own that scrolls, so that the page never scrolls sideways. */
export function table(label, headings, rows) {
  const head = el("tr", {}, ...headings.map((text) => el("th", { scope: "col" }, text)));
  const body = rows.map((cells) => el("tr", {}, ...cells.map((cell) => el("td", {}, cell))));
  return el(
    "div",
    { class: "scroller", tabindex: "0", role: "region", "aria-label": label },
    el("table", {}, el("thead", {}, head), el("tbody", {}, ...body)),
  );
}

/** The value of a colour in the current theme. */
export function themeColor(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
