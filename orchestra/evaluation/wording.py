"""A comparison in words, as the terminal and the HTML report show it. Pure."""

from collections.abc import Iterator

from orchestra.evaluation.call_diff import CallDiff, TurnSound
from orchestra.history.views.turn_summaries import ToolSummary, TurnSummary


def format_ms(value: float | None) -> str:
    """Milliseconds for a reader."""
    return "–" if value is None else f"{value:,.0f} ms"


def ending(call: CallDiff) -> str:
    """Where a comparison ended before its recording, to follow other words; empty if it did not."""
    last = call.turns[-1].number if call.turns else 0
    match call.ended:
        case "diverged":
            return f"; stopped after turn {last} of {call.recorded_turns}"
        case "closed":
            return f"; the agents end the call with turn {last} of {call.recorded_turns}"
        case _:
            return ""


def sound_remarks(sound: TurnSound | None) -> Iterator[str]:
    """The measurements of one side of a turn."""
    if sound is None:
        return
    yield f"first sound after {format_ms(sound.response_ms)}"
    if sound.yielded_ms is not None:
        yield f"the reply before fell silent {format_ms(sound.yielded_ms)} after the caller began to speak"
    if sound.talk_over_ms:
        yield f"the agent spoke over the caller for {format_ms(sound.talk_over_ms)}"


def tool_line(step: ToolSummary) -> str:
    """A tool call in a line: arguments, result, and the origin of the result if it is not the tool."""
    who = {"tool": "", "recording": " (recorded)", "similar": " (recorded for other arguments)", "refused": ""}
    return f"{step.name}({step.arguments}) → {step.result}{who[step.answered]}"


def remarks(turn: TurnSummary) -> Iterator[str]:
    """What else happened on one side of a turn."""
    if turn.interrupted:
        yield f"interrupted after “{turn.reply_heard}”" if turn.reply_heard else "interrupted before a word was heard"
    if turn.cancelled:
        yield f"cancelled: {turn.cancelled}"
    if turn.rules:
        yield f"rules stepped in: {', '.join(turn.rules)}"
    if turn.closing:
        yield "the call ends here" if turn.closing == "ended" else "the call goes to a person here"
    if turn.failed:
        yield "the agents could not complete this turn"
    if turn.first_ms is not None:
        yield f"first sentence after {format_ms(turn.first_ms)}"
