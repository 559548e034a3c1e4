// A table that can be sorted, whose rows can lead somewhere.

import { el, fill } from "./elements.js";
import { none } from "./format.js";

const ORDERS = { true: "descending", false: "ascending" };

/**
 * Columns: `{ key, label, numeric, sortable, cell(row) }`; a cell is a node or a text, `row[key]` unless given. A press on
 * a sortable header calls `onSort({ key, descending })`. With `rowHref(row)`, the first cell is a link there, and a click
 * anywhere in the row follows it. `empty`: what stands there without rows. The element has `update(rows, sort)`.
 */
export function table({ caption, columns, rows = [], sort, onSort, rowHref, rowKey, empty }) {
  const body = el("tbody");
  const heads = new Map();
  const head = el("tr", {}, columns.map(header));
  const node = el("table", {}, el("caption", { class: "visually-hidden" }, caption), el("thead", {}, head), body);
  const wide = el("div", { class: "scroll-x", role: "region", "aria-label": caption, tabindex: "0" }, node);
  const rest = el("div", { hidden: true }, empty ?? el("p", { class: "empty" }, "There is nothing here."));
  const whole = el("div", { class: "table" }, wide, rest);

  function header(column) {
    const numeric = column.numeric ? "numeric" : null;
    if (!column.sortable) return el("th", { scope: "col", class: numeric }, column.label);
    const press = () => {
      const same = sort?.key === column.key;
      onSort?.({ key: column.key, descending: same ? !sort.descending : Boolean(column.numeric) });
    };
    const th = el("th", { scope: "col", class: numeric }, el("button", { type: "button", class: "sort", onclick: press }, column.label));
    heads.set(column.key, th);
    return th;
  }

  function line(row) {
    const href = rowHref?.(row);
    const cells = columns.map((column, index) => {
      const content = (column.cell ? column.cell(row) : row[column.key]) ?? none;
      const shown = href && index === 0 ? el("a", { href }, content) : content;
      return el(index === 0 ? "th" : "td", { class: column.numeric ? "numeric" : null, scope: index === 0 ? "row" : null }, shown);
    });
    const follow = (event) => {
      if (event.target.closest("a, button, input, select, label") || String(getSelection())) return;
      if (event.ctrlKey || event.metaKey) window.open(href);
      else location.assign(href);
    };
    return el("tr", { class: href ? "leads" : null, dataset: rowKey ? { key: rowKey(row) } : {}, onclick: href ? follow : null }, cells);
  }

  whole.update = (newRows, newSort = sort) => {
    sort = newSort;
    for (const [key, th] of heads) {
      if (key === sort?.key) th.setAttribute("aria-sort", ORDERS[Boolean(sort.descending)]);
      else th.removeAttribute("aria-sort");
    }
    fill(body, newRows.map(line));
    wide.hidden = !newRows.length;
    rest.hidden = Boolean(newRows.length);
  };
  whole.update(rows, sort);
  return whole;
}
