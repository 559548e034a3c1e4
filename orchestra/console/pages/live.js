// The live page: the calls that run, and one of them beside the list, as their events arrive.

import { dialButton } from "./dial.js";
import { callList } from "./live/list.js";
import { chosenCall } from "./live/chosen.js";
import { clock, el, live, openPage, withQuery } from "./shell.js";

const { main, operator } = await openPage({ title: "Live", section: "live" });
const address = new URLSearchParams(location.search);
/** What arrives is drawn with the next frame, once, however much it is. */
let waiting = [];
let stream;
let heard = 0;

const problem = el("p", { class: "problem", role: "alert", hidden: true });
const chosen = chosenCall({ operator, close: () => choose("") });
const list = callList({ act: dialButton(operator), filter: Object.fromEntries(address), onChoose: choose, onFilter: remember });
const both = el("div", { class: "live" }, list.node, chosen.node);
main.append(problem, both);
choose(address.get("call") ?? "");

/** Show a call beside the list; "" closes it. The words of one call come with the list: it is one stream. */
function choose(call) {
  if (stream && call === list.chosen()) return;
  stream?.close();
  list.choose(call);
  chosen.show(call, list.row(call));
  both.classList.toggle("with-call", Boolean(call));
  remember();
  stream = live(withQuery("/api/live", { call }), {
    events: {
      calls: (data) => later(() => listed(() => list.all(data), !data.calls.some((row) => row.call === call))),
      changes: (data) => later(() => listed(() => list.change(data), data.gone.includes(call))),
      transcript: (data) => later(() => chosen.transcript(data)),
      lines: (data) => later(() => chosen.lines(data)),
      standstill: (data) => later(() => standStill(data.problem)),
    },
    closed: () => standStill("The connection to the console broke"),
  });
}

function later(draw) {
  if (!waiting.length) (document.hidden ? setTimeout : requestAnimationFrame)(drawAll);
  waiting.push(draw);
}

function drawAll() {
  const all = waiting;
  waiting = [];
  for (const draw of all) draw();
}

function listed(draw, gone) {
  heard = Date.now() / 1000;
  problem.hidden = true;
  draw();
  chosen.row(list.row(list.chosen()), gone);
}

function standStill(why) {
  const since = heard ? ` This is how it was at ${clock(heard)}.` : "";
  problem.textContent = `${why}.${since} The page goes on by itself.`;
  problem.hidden = false;
}

/** The address has what is chosen, so that it can be sent to somebody. */
function remember() {
  const query = { call: list.chosen(), ...list.filter() };
  history.replaceState(null, "", withQuery("/", query));
}
