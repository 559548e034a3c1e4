// Elements without markup: what anybody said or wrote only ever becomes text.

const SVG = "http://www.w3.org/2000/svg";
/** Set as properties: the attribute of the same name is only where they begin. */
const PROPERTIES = new Set(["value", "checked", "selected", "indeterminate", "muted", "currentTime", "srcObject"]);

/**
 * An HTML element. Props: `class`, `dataset: {…}`, `style: {…}`, `onclick` and other listeners, any attribute
 * (`aria-label`, `for`); `true` is an attribute without a value, `null`, `undefined` and `false` are left out.
 * Children: nodes, texts, numbers, lists of them; `null` and `false` are left out.
 */
export function el(tag, props = {}, ...children) {
  return filled(document.createElement(tag), props, children);
}

/** An SVG element, with the same props and children. */
export function svg(tag, props = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), props, children);
}

/** Replace what an element contains. */
export function fill(node, ...children) {
  node.replaceChildren(...flat(children));
  return node;
}

function filled(node, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) set(node, name, value);
  node.append(...flat(children));
  return node;
}

function set(node, name, value) {
  if (name.startsWith("on") && typeof value === "function") node.addEventListener(name.slice(2), value);
  else if (name === "dataset") Object.assign(node.dataset, value);
  else if (name === "style") for (const [each, text] of Object.entries(value)) style(node, each, text);
  else if (PROPERTIES.has(name)) node[name] = value;
  else if (name.startsWith("aria-") && value !== null && value !== undefined) node.setAttribute(name, String(value));
  else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
}

function style(node, name, text) {
  if (name.includes("-")) node.style.setProperty(name, text);
  else node.style[name] = text;
}

function flat(children) {
  return children.flat(Infinity).filter((each) => each !== null && each !== undefined && each !== false);
}
