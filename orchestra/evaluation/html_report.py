"""A comparison as one HTML page that needs nothing beside itself."""

from collections.abc import Iterator
from html import escape

from orchestra.evaluation.call_diff import CallDiff, Comparison, ReplyPart, TurnDiff, TurnSound
from orchestra.history.views.summary import ToolSummary, TurnSummary

#: characters of a tool call that are shown at once
_LONGEST = 200
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --was: #c0392b22; --now: #27ae6022; --quiet: #888; --bad: #c0392b; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0 0 .3rem } h2 { font-size: 1.05rem; margin: 0; display: inline }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .35rem .7rem; vertical-align: top }
.numbers td:nth-child(n+3), .numbers th:nth-child(n+3) { text-align: right; font-variant-numeric: tabular-nums }
.numbers { margin: 1.2rem 0 } .numbers tr { border-bottom: 1px solid var(--line) }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .8rem 0; padding: .6rem .9rem }
summary { cursor: pointer } details table { margin-top: .6rem; table-layout: fixed }
details tr { border-top: 1px solid var(--line) } td.n { width: 3rem; color: var(--quiet) } td.said { width: 22% }
tr.same { color: var(--quiet) } tr.differs td.n { color: var(--bad); font-weight: 600 }
del { background: var(--was); text-decoration: line-through } ins { background: var(--now); text-decoration: none }
.agent { font-weight: 600 } .tool { font-family: ui-monospace, monospace; font-size: .85em; overflow-wrap: anywhere }
.quiet { color: var(--quiet); font-size: .88em } .tag { color: var(--bad); font-size: .8em; margin-right: .4rem }
.note { color: #b9770e; margin: .4rem 0 0 } code { font-size: .92em }
"""


def html_report(comparison: Comparison, title: str) -> str:
    """The page: the versions side by side, then every call, those that differ open."""
    calls, total = sum(bool(call.diverged) for call in comparison.calls), len(comparison.calls)
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
            f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
            f"<h1>{escape(title)}</h1>",
            f"<p>{comparison.diverged} of {comparison.turns} turns differ, in {calls} of {total} calls.</p>",
            *_versions(comparison),
            *(f'<p class="note">{escape(name)}: {escape(why)}</p>' for name, why in comparison.failed.items()),
            *(line for call in comparison.calls for line in _call(call)),
            "</body></html>\n",
        ]
    )


def _versions(comparison: Comparison) -> Iterator[str]:
    titles = ("recorded by", "model", "calls", "turns", "calls that differ", "turns that differ", "likeness of replies",
              "first sentence then", "now")  # fmt: skip
    yield '<table class="numbers"><tr>' + "".join(f"<th>{title}</th>" for title in titles) + "</tr>"
    for group in comparison.groups():
        cells = (
            escape(group.version or "an unknown version"), escape(group.model or "–"), group.calls, group.turns,
            group.diverged_calls, group.diverged_turns, f"{group.likeness:.0%}", format_ms(group.was_first_ms),
            format_ms(group.now_first_ms),
        )  # fmt: skip
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
    yield "</table>"


def format_ms(value: float | None) -> str:
    """Milliseconds for a reader."""
    return "–" if value is None else f"{value:,.0f} ms"


def _call(call: CallDiff) -> Iterator[str]:
    count = f"{len(call.diverged)} of {len(call.turns)} turns differ"
    yield f"<details{' open' if call.diverged else ''}><summary><h2><code>{escape(call.name)}</code></h2> "
    yield f'<span class="quiet">{escape(call.was_version or "an unknown version")} → {escape(call.now_version)}, '
    yield f"{count}{escape(ending(call))}</span></summary>"
    yield from (f'<p class="note">{escape(note)}</p>' for note in call.notes)
    yield '<table><tr><td class="n"></td><td class="said quiet">caller</td><td class="quiet">recorded</td>'
    yield '<td class="quiet">now</td></tr>'
    for turn in call.turns:
        yield from _turn(turn)
    yield "</table></details>"


def ending(call: CallDiff) -> str:
    """Where a comparison ended before its recording, for behind a comma."""
    last = call.turns[-1].number if call.turns else 0
    match call.ended:
        case "diverged":
            return f"; stopped after turn {last} of {call.recorded}"
        case "closed":
            return f"; the agents end the call with turn {last} of {call.recorded}"
        case _:
            return ""


def _turn(turn: TurnDiff) -> Iterator[str]:
    yield f'<tr class="{"differs" if turn.differs else "same"}"><td class="n">{turn.number}</td>'
    keys = f'<div class="quiet">keys {escape(turn.was.keys)}</div>' if turn.was.keys else ""
    tags = "".join(f'<span class="tag">{difference}</span>' for difference in turn.differs)
    yield f'<td class="said">{escape(turn.said)}{keys}<div>{tags}</div></td>'
    for told, side, sound in ((turn.was, "was", turn.was_sound), (turn.now, "now", turn.now_sound)):
        yield f"<td>{_side(told, turn.reply, side, sound)}</td>"
    yield "</tr>"


def _side(told: TurnSummary, reply: tuple[ReplyPart, ...], side: str, sound: TurnSound | None) -> str:
    mark = "del" if side == "was" else "ins"
    words = " ".join(
        escape(part.text) if part.kind == "same" else f"<{mark}>{escape(part.text)}</{mark}>"
        for part in reply
        if part.kind in {"same", side}
    )
    lines = [f'<div class="agent">{escape(told.agent or "nobody")}</div>']
    lines += [_tool(step) for step in told.tools]
    lines.append(f"<div>{words or '(nothing)'}</div>")
    lines += [f'<div class="quiet">{escape(line)}</div>' for line in remarks(told)]
    lines += [f'<div class="quiet">{escape(line)}</div>' for line in sound_remarks(sound)]
    return "".join(lines)


def sound_remarks(sound: TurnSound | None) -> Iterator[str]:
    """How one side of a turn sounded."""
    if sound is None:
        return
    yield f"first sound after {format_ms(sound.response_ms)}"
    if sound.yielded_ms is not None:
        yield f"the reply before fell silent {format_ms(sound.yielded_ms)} after the caller began to speak"
    if sound.talk_over_ms:
        yield f"the agent spoke over the caller for {format_ms(sound.talk_over_ms)}"


def _tool(step: ToolSummary) -> str:
    """A tool call; of a long result the beginning, and all of it where the pointer rests."""
    line = tool_line(step)
    short = line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
    return f'<div class="tool" title="{escape(line)}">{escape(short)}</div>'


def tool_line(step: ToolSummary) -> str:
    """A tool call in a line: what it was asked, what it answered, and who answered if not the tool."""
    who = {"tool": "", "recording": " (recorded)", "similar": " (recorded for other arguments)", "refused": ""}
    return f"{step.name}({step.arguments}) → {step.result}{who[step.answered]}"


def remarks(told: TurnSummary) -> Iterator[str]:
    """What else is to be said of one side of a turn."""
    if told.interrupted:
        yield f"interrupted after “{told.reply_heard}”" if told.reply_heard else "interrupted before a word was heard"
    if told.cancelled:
        yield f"given up: {told.cancelled}"
    if told.rules:
        yield f"rules stepped in: {', '.join(told.rules)}"
    if told.closing:
        yield "the call ends here" if told.closing == "ended" else "the call goes to a person here"
    if told.failed:
        yield "the agents could not complete this turn"
    if told.first_ms is not None:
        yield f"first sentence after {format_ms(told.first_ms)}"
