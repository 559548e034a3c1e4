"""A comparison of calls in the terminal."""

from rich.console import Console
from rich.text import Text

from orchestra.cli.ui.console import AGENT, CALLER, QUIET, WARNING, row
from orchestra.cli.ui.table import columns, print_table
from orchestra.counted import counted
from orchestra.evaluation.call_diff import CallDiff, Comparison, ReplyPart, TurnDiff
from orchestra.evaluation.wording import ending, format_ms, remarks, sound_remarks, tool_line

_RECORDED, _CANDIDATE, _DIFFERS = "red strike", "green", "bold red"
#: of more calls than these only the turns that differ are shown
_WHOLE = 3


def show_comparison(console: Console, comparison: Comparison) -> None:
    """Print every call turn by turn (of many calls only the turns that differ), then the versions side by side."""
    for call in comparison.calls:
        _show_call(console, call, whole=len(comparison.calls) <= _WHOLE)
    for name, why in comparison.failed.items():
        console.print(Text(f"{name} could not be compared: {why}", WARNING), soft_wrap=True)
    _show_versions(console, comparison)
    calls = [call for call in comparison.calls if call.diverged]
    for call in calls:
        turns = ", ".join(f"{turn.number} ({', '.join(turn.differs)})" for turn in call.diverged)
        console.print(Text.assemble((call.name, "bold"), f" differs in turn {turns}"), soft_wrap=True)
    verdict = (
        f"{comparison.diverged} of {counted(comparison.turns, 'turn')} differ,"
        f" in {len(calls)} of {counted(len(comparison.calls), 'call')}"
    )
    console.print(Text(verdict, _DIFFERS if comparison.diverged else "bold green"))


def _show_call(console: Console, call: CallDiff, *, whole: bool) -> None:
    if not whole and not call.diverged and not call.notes:
        return
    console.print(
        Text.assemble(
            (call.name, "bold"),
            (f"  {call.recorded_version or 'an unknown version'} {call.recorded_model}", QUIET),
            (f" → {call.candidate_version} {call.candidate_model}", QUIET),
        ),
        soft_wrap=True,
    )
    for note in call.notes:
        console.print(Text(note, WARNING), soft_wrap=True)
    for turn in call.turns if whole else call.diverged:
        _show_turn(console, turn)
    if call.ended:
        console.print(Text(ending(call).removeprefix("; "), WARNING))
    console.print()


def _show_turn(console: Console, turn: TurnDiff) -> None:
    row(console, f"turn {turn.number}", "caller", turn.said or "(nothing understood)", CALLER, who_style=CALLER)
    if not turn.differs:
        for side, sound in (("recorded", turn.recorded_sound), ("candidate", turn.candidate_sound)):
            if sound is not None:
                row(console, "", side, "; ".join(sound_remarks(sound)), QUIET, who_style=QUIET)
        row(
            console,
            "",
            turn.candidate.agent,
            f"the same: {turn.candidate.reply or '(nothing)'}",
            QUIET,
            who_style=QUIET,
        )
        return
    row(console, "", "", f"differs in {', '.join(turn.differs)}", _DIFFERS)
    if "agent" in turn.differs:
        row(console, "", "agent", f"{turn.recorded.agent} → {turn.candidate.agent}", who_style=AGENT)
    if "tools" in turn.differs:
        for side, summary in (("recorded", turn.recorded), ("candidate", turn.candidate)):
            for line in [f"tool: {tool_line(step)}" for step in summary.tools] or ["no tool"]:
                row(console, "", side, line)
    console.print(Text.assemble(" " * 9, (f"{turn.candidate.agent:11}", AGENT), "  ", _diffed(turn.reply)))
    if turn.candidate.transcript != turn.recorded.transcript:
        row(console, "", "understood", turn.candidate.transcript or "(nothing)", WARNING)
    for side, summary, sound in (
        ("recorded", turn.recorded, turn.recorded_sound),
        ("candidate", turn.candidate, turn.candidate_sound),
    ):
        what = [*remarks(summary), *sound_remarks(sound)]
        row(console, "", side, "; ".join(what) or "–", QUIET, who_style=QUIET)


def _diffed(reply: tuple[ReplyPart, ...]) -> Text:
    """Both replies in one, readable in a pipe: ``[-only recorded-]``, ``{+only the candidate's+}``."""
    forms = {"same": ("{}", ""), "recorded": ("[-{}-]", _RECORDED), "candidate": ("{{+{}+}}", _CANDIDATE)}
    parts = [(form.format(part.text), style) for part in reply for form, style in [forms[part.kind]]]
    return Text(" ").join(Text(text, style) for text, style in parts)


def _show_versions(console: Console, comparison: Comparison) -> None:
    numbers = ("calls", "turns", "calls differ", "turns differ", "likeness", "first sentence recorded", "candidate")
    rows = [
        (
            group.version or "an unknown version",
            group.model or "–",
            str(group.calls),
            str(group.turns),
            str(group.diverged_calls),
            group.diverged_in_words,
            f"{group.likeness:.0%}",
            format_ms(group.recorded_first_ms),
            format_ms(group.candidate_first_ms),
        )
        for group in comparison.groups()
    ]
    print_table(console, columns("recorded by", "model", *numbers, right=numbers), rows)
