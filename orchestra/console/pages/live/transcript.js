// The words of a call as they come. A line is replaced as a whole when it changes; all of it is text.

import { clock, el, fill, milliseconds, seconds, timeElement } from "../shell.js";

const LABELS = { caller: "Caller", backchannel: "Caller (listening)", agent: "Agent", tool: "Tool" };
/** As close to the end as this, in pixels, the newest line stays in sight. */
const AT_THE_END = 60;

export function transcript() {
  const shown = new Map();
  const list = el("ol");
  const log = el("div", { class: "transcript", role: "log", "aria-live": "off", "aria-label": "Transcript", tabindex: "0" }, list);
  const empty = el("p", { class: "empty" }, "Nothing was said yet.");

  function draw(line) {
    const known = shown.get(line.n);
    if (line.gone) {
      known?.remove();
      shown.delete(line.n);
      return;
    }
    const node = known ?? el("li", { dataset: { n: line.n } });
    node.className = `line ${line.kind}${line.open ? " open" : ""}`;
    fill(node, ...contents(line));
    if (known) return;
    shown.set(line.n, node);
    list.append(node);
  }

  function follow(change) {
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < AT_THE_END;
    change();
    empty.hidden = shown.size > 0;
    log.hidden = !shown.size;
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  follow(() => {});
  return {
    node: el("div", {}, empty, log),
    all(lines) {
      follow(() => {
        shown.clear();
        list.replaceChildren();
        lines.forEach(draw);
      });
      log.scrollTop = log.scrollHeight;
    },
    change: (lines) => follow(() => lines.forEach(draw)),
  };
}

/** A field of a line that is as it is by itself is not sent. */
function contents(line) {
  const { kind, text = "", who = "" } = line;
  const at = el("span", { class: "at" }, timeElement(line.at, clock(line.at)));
  if (kind === "unknown") {
    const times = line.times > 1 ? ` (${line.times} times)` : "";
    return [at, el("span", { class: "what quiet" }, `An event that this console does not know: ${text}${times}`)];
  }
  if (kind === "gap") return [at, el("span", { class: "what warn" }, `Events are missing here: ${text}`)];
  if (!LABELS[kind]) return [at, el("span", { class: "what" }, text)];
  const name = el("span", { class: "speaker" }, kind === "agent" || kind === "tool" ? who || LABELS[kind] : LABELS[kind]);
  return [at, name, kind === "tool" ? tool(line) : words(line)];
}

function words(line) {
  const { kind, text = "", heard = "", interim = "" } = line;
  const parts = [];
  if (kind === "agent" && text.startsWith(heard)) {
    const rest = text.slice(heard.length);
    parts.push(heard, rest && el(line.interrupted ? "s" : "span", { class: "not-heard" }, rest));
  } else parts.push(text);
  if (interim) parts.push(text && " ", el("i", { class: "interim" }, interim));
  if (line.interrupted) parts.push(" ", el("span", { class: "badge warn" }, "interrupted"));
  if (line.wait_ms !== undefined) parts.push(" ", el("span", { class: "quiet" }, `after ${seconds(line.wait_ms / 1000)}`));
  return el("span", { class: "what", dir: "auto" }, parts);
}

function tool(line) {
  const result = line.open
    ? el("span", { class: "busy" }, "runs…")
    : el("span", { class: line.failed ? "bad" : "quiet" }, `${line.failed ? "failed: " : ""}${line.result ?? ""} (${milliseconds(line.ms)})`);
  return el("span", { class: "what" }, el("code", {}, line.text), " ", result);
}
