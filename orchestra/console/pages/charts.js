// Charts as SVG: bars and lines over days, bars and dots by name. Each has a title, axes with units, and its numbers as
// a table; each point is a link to what it counts.

import { el, fill, none, svg } from "./shell.js";

const HEIGHT = 220;
const MARGIN = { top: 12, right: 12, bottom: 26, left: 56 };
const ROW = 40;
const colour = (index) => `var(--stage-${(index % 8) + 1})`;

/**
 * A chart over `labels`, texts from left to right (one for each day). Series: `{ name, values, href(index) }`; a value
 * that is not known is null. `kind`: "bars" that are stacked, or "lines". `format(value)` writes a value with its unit;
 * `unit` is what stands at the axis.
 */
export function timeChart({ title, labels, series, unit, format, kind = "bars" }) {
  const sums = labels.map((_, index) => series.reduce((sum, each) => sum + (each.values[index] ?? 0), 0));
  const largest = kind === "bars" ? Math.max(0, ...sums) : Math.max(0, ...series.flatMap((each) => each.values.map((value) => value ?? 0)));
  const draw = (width) => {
    const whole = series.every((each) => each.values.every((value) => Number.isInteger(value ?? 0)));
    const steps = ticks(largest, whole ? 1 : 0);
    const top = steps.at(-1);
    const [right, bottom] = [width - MARGIN.right, HEIGHT - MARGIN.bottom];
    const slot = (right - MARGIN.left) / Math.max(1, labels.length);
    const x = (index) => MARGIN.left + slot * (index + 0.5);
    const y = (value) => bottom - ((bottom - MARGIN.top) * value) / top;
    const grid = steps.map((value) => [
      svg("line", { x1: MARGIN.left, x2: right, y1: y(value), y2: y(value) }),
      svg("text", { class: "axis", x: MARGIN.left - 6, y: y(value) + 4, "text-anchor": "end" }, format(value)),
    ]);
    const every = Math.ceil(labels.length / Math.max(1, Math.floor((right - MARGIN.left) / 64)));
    const days = labels.map((label, index) =>
      index % every ? null : svg("text", { class: "axis", x: x(index), y: bottom + 18, "text-anchor": "middle" }, label),
    );
    const marks = kind === "bars" ? bars(x, y, Math.max(1, Math.min(48, slot * 0.7))) : lines(x, y);
    return picture(title, width, HEIGHT, [grid, days, marks]);
  };

  function bars(x, y, wide) {
    const reached = labels.map(() => 0);
    return series.map((each, number) =>
      each.values.map((value, index) => {
        if (!value) return null;
        const from = reached[index];
        reached[index] += value;
        const props = { x: x(index) - wide / 2, y: y(reached[index]), width: wide, height: Math.max(1, y(from) - y(reached[index])) };
        return point(each, index, labels[index], value, format, svg("rect", { ...props, fill: colour(number) }));
      }),
    );
  }

  function lines(x, y) {
    return series.map((each, number) => [
      runs(each.values).map((run) =>
        svg("polyline", { points: run.map((index) => `${x(index)},${y(each.values[index])}`).join(" "), stroke: colour(number) }),
      ),
      each.values.map((value, index) =>
        value === null || value === undefined
          ? null
          : point(each, index, labels[index], value, format, svg("circle", { cx: x(index), cy: y(value), r: 5, fill: colour(number) })),
      ),
    ]);
  }

  return framed({ title, unit, labels, series, format, draw, empty: !largest });
}

/** A chart by name: a row for each of `labels`, with a bar for each series, or with their dots on one line. */
export function rowChart({ title, labels, series, unit, format, kind = "bars" }) {
  const sums = labels.map((_, index) => series.reduce((sum, each) => sum + (each.values[index] ?? 0), 0));
  const largest = kind === "bars" ? Math.max(0, ...sums) : Math.max(0, ...series.flatMap((each) => each.values.map((value) => value ?? 0)));
  const draw = (width) => {
    const right = width - 70;
    const x = (value) => (right * value) / (largest || 1);
    const rows = labels.map((label, index) => {
      const y = index * ROW + 16;
      let reached = 0;
      const marks = series.map((each, number) => {
        const value = each.values[index];
        if (value === null || value === undefined || (kind === "bars" && !value)) return null;
        if (kind === "dots") return point(each, index, label, value, format, svg("circle", { cx: Math.max(5, x(value)), cy: y + 13, r: 6, fill: colour(number) }));
        const from = reached;
        reached += value;
        return point(each, index, label, value, format, svg("rect", { x: x(from), y: y + 6, width: Math.max(1, x(value)), height: 14, fill: colour(number) }));
      });
      const end = kind === "bars" ? sums[index] : Math.max(0, ...series.map((each) => each.values[index] ?? 0));
      return [
        svg("text", { x: 0, y }, shortened(label, width)),
        kind === "dots" ? svg("line", { x1: 0, x2: right, y1: y + 13, y2: y + 13 }) : null,
        marks,
        svg("text", { class: "axis", x: x(end) + 10, y: y + 17 }, end ? format(end) : none),
      ];
    });
    return picture(title, width, labels.length * ROW + 8, rows);
  };
  return framed({ title, unit, labels, series, format, draw, empty: !largest });
}

/** A mark that leads to what it counts, and says what it is. */
function point(series, index, label, value, format, mark) {
  const name = `${label}, ${series.name}: ${format(value)}`;
  const href = series.href?.(index);
  mark.append(svg("title", {}, name));
  return href ? svg("a", { href, "aria-label": name }, mark) : mark;
}

function picture(title, width, height, ...children) {
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "group", "aria-label": title }, ...children);
}

/** The figure: drawn as wide as there is room, anew when that changes. */
function framed({ title, unit, labels, series, format, draw, empty }) {
  const holder = el("div", {});
  const legend = series.map((each, number) =>
    el("li", {}, el("span", { class: "swatch", style: { background: colour(number) } }), each.name),
  );
  const node = el("figure", { class: "chart panel" },
    el("figcaption", {}, title, unit ? el("span", { class: "quiet" }, ` in ${unit}`) : null),
    empty ? el("p", { class: "empty" }, "Nothing was counted.") : [holder, el("ul", { class: "legend" }, legend)],
    empty ? null : el("details", {}, el("summary", {}, "As a table"), asTable(title, labels, series, format)),
  );
  let drawn = 0;
  const observer = new ResizeObserver(([{ contentRect }]) => {
    const width = Math.floor(contentRect.width);
    if (!width || width === drawn) return;
    drawn = width;
    fill(holder, draw(width));
  });
  observer.observe(holder);
  return node;
}

function asTable(title, labels, series, format) {
  const cell = (each, index) => {
    const value = each.values[index];
    const text = value === null || value === undefined ? none : format(value);
    const href = value ? each.href?.(index) : null;
    return el("td", { class: "numeric" }, href ? el("a", { href }, text) : text);
  };
  return el("div", { class: "scroll-x", role: "region", "aria-label": `${title}, as a table`, tabindex: "0" },
    el("table", {},
      el("thead", {}, el("tr", {}, el("td", {}), series.map((each) => el("th", { scope: "col", class: "numeric" }, each.name)))),
      el("tbody", {}, labels.map((label, index) => el("tr", {}, el("th", { scope: "row" }, label), series.map((each) => cell(each, index))))),
    ),
  );
}

/** Round values from 0 to at least the largest one, about four, with steps of at least `smallest`. */
export function ticks(largest, smallest = 0) {
  if (!(largest > 0)) return [0, 1];
  const rough = Math.max(smallest, largest / 4);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough * 0.999);
  const count = Math.ceil((largest / step) * 0.999999);
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(12)));
}

/** Indexes of values that follow each other without a gap. */
function runs(values) {
  const found = [[]];
  values.forEach((value, index) => {
    if (value === null || value === undefined) found.push([]);
    else found.at(-1).push(index);
  });
  return found.filter((run) => run.length > 1);
}

function shortened(text, width) {
  const most = Math.max(12, Math.floor(width / 7));
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
