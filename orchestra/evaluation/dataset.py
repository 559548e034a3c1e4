"""An evaluation set: calls, and the right answer for each of their turns.

A set is a file of JSON lines, or a folder of such files. A line is a case written by hand (`Case`), or a call that was
annotated (`orchestra curate pull`). A file of events is one recorded call; the recorded behaviour counts as correct.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from orchestra.bus.stream.entry import UNREADABLE
from orchestra.curation.evaluation import EvaluatedCall
from orchestra.errors import UsageError
from orchestra.history.reduce import history_of
from orchestra.history.views.turn_summaries import CallSummary, TurnSummary, call_summary
from orchestra.language.word_error_rate import WordErrors, total, word_errors
from orchestra.replay.selection import decoded
from orchestra.replay.sources.json_lines import file_entries
from orchestra_schemas import (
    CallEnded,
    CallStarted,
    DigitPressed,
    Event,
    ReplySpoken,
    ToolCompleted,
    ToolRequested,
    TurnCompleted,
    UserTurnEnded,
)

_CALL = "00-00000000-0000-7000-8000-000000000000"
#: labels of annotators that make a recorded reply, or its tools, a bad example
_BAD = "Bad response"
_WRONG_TOOL = "Wrong tool"
#: the caller went on speaking, or interrupted: the words count in the next turn
_AS_USUAL = ("superseded", "interrupted")


class WantedTool(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A right tool call; ``arguments`` None: any. ``result``: what the tool returns here."""

    name: str
    arguments: dict[str, Any] | None = None
    result: str | None = None


class WantedTurn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One turn of the caller and the right answer; only what is given is checked.

    Attributes:
        said: what the caller says.
        heard: the transcript, what speech recognition made of it; None if it is not known.
        keys: keys that the caller presses when they are asked to.
        agent: the agent that has to answer.
        tools: the tool calls that have to be made, in order, those of the platform included.
        words: words or phrases that the reply has to contain.
        reply: a good reply; the likeness to it is a score.

    """

    said: str
    heard: str | None = None
    keys: str = ""
    agent: str = ""
    tools: tuple[WantedTool, ...] | None = None
    words: tuple[str, ...] = ()
    reply: str = ""


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call written by hand. ``outcome``: ``resolved``, ``escalated`` (to a person), or empty for any."""

    name: str
    turns: tuple[WantedTurn, ...]
    outcome: str = ""
    caller: str = ""


class Trial(msgspec.Struct, kw_only=True):
    """A call to play to a candidate: the events of the caller's side, and the right answer for each turn.

    ``heard`` counts the recognition errors.
    """

    name: str
    events: list[Event]
    wanted: dict[int, WantedTurn]
    outcome: str = ""
    heard: WordErrors = WordErrors(0, 0)


Recorded = Callable[[str], Awaitable[list[Event]]]


async def read_trials(set_path: Path, recorded: Recorded, *, as_heard: bool = False) -> tuple[list[Trial], list[str]]:
    """The trials of a set, and a sentence for everything that cannot be used.

    Args:
        set_path: the file or folder.
        recorded: gives the events of a recorded call; raises UsageError if the call is gone.
        as_heard: use the transcripts, mistakes included, not the caller's true words.

    Raises:
        UsageError: there is no such set, or a line is neither a case, an annotated call nor an event.

    """
    files = _files(set_path)
    trials: list[Trial] = []
    problems: list[str] = []
    for file in files:
        lines = [line for line in file.read_bytes().splitlines() if line.strip()]
        if not lines:
            continue
        if _fields(lines[0], file) & {"type", "event", "stream_id"}:
            events = list(decoded(list(file_entries(file, problems.append)), problems.append))
            trials.append(_of_recording(file, events))
            problems += _left_out(trials[-1], ())
            continue
        for number, line in enumerate(lines, 1):
            found = _line(line, f"{file}, line {number}")
            if isinstance(found, Case):
                trials.append(_of_case(found, as_heard=as_heard))
                continue
            try:
                events = await recorded(found.call)
            except UsageError as error:
                problems.append(f"{found.call}: only its recognition errors are counted: {error}")
                events = []
            trials.append(_of_annotated(found, events, as_heard=as_heard))
            if events:
                problems += _left_out(trials[-1], [turn.turn for turn in found.turns if turn.speaker == "caller"])
    return trials, problems


def _files(set_path: Path) -> list[Path]:
    files = sorted(set_path.glob("*.jsonl")) if set_path.is_dir() else [set_path]
    if not files or not files[0].is_file():
        msg = f"{set_path} is not an evaluation set: use a file of JSON lines, or a folder with some (*.jsonl)"
        raise UsageError(msg)
    return files


def _fields(line: bytes, file: Path) -> set[str]:
    try:
        return set(msgspec.json.decode(line, type=dict[str, msgspec.Raw]))
    except UNREADABLE as error:
        msg = f"{file}, line 1 is not a JSON object: {error}"
        raise UsageError(msg) from error


def _line(line: bytes, where: str) -> Case | EvaluatedCall:
    try:
        annotated = "annotation" in msgspec.json.decode(line, type=dict[str, msgspec.Raw])
        kind: type[Case | EvaluatedCall] = EvaluatedCall if annotated else Case
        return msgspec.json.decode(line, type=kind)
    except UNREADABLE as error:
        msg = f"{where} is neither a case nor an annotated call: {' '.join(str(error).split())}"
        raise UsageError(msg) from error


def _left_out(trial: Trial, annotated: Sequence[int]) -> Iterator[str]:
    """A sentence for the turns of the caller that cannot be evaluated."""
    turns = {turn.number: turn for turn in call_summary(history_of(trial.events)).turns if turn.transcript}
    missing = sorted({number for number in annotated if number > 0} - turns.keys())
    given_up: dict[str, list[int]] = {}
    for number, turn in turns.items():
        if turn.cancelled and turn.cancelled not in _AS_USUAL:
            given_up.setdefault(turn.cancelled, []).append(number)
    if missing:
        yield f"{trial.name}: {_turns(missing)} left out: the journal does not have what was said there"
    for reason, numbers in given_up.items():
        yield f"{trial.name}: {_turns(numbers)} left out: cancelled in the recording ({reason.replace('_', ' ')})"


def _turns(numbers: Sequence[int]) -> str:
    return f"turn {numbers[0]} is" if len(numbers) == 1 else f"turns {', '.join(map(str, numbers))} are"


# -- a case written by hand


def _of_case(case: Case, *, as_heard: bool) -> Trial:
    heard = [word_errors(turn.said, turn.heard) for turn in case.turns if turn.heard is not None]
    return Trial(
        name=case.name,
        events=list(_events(case, as_heard=as_heard)),
        wanted=dict(enumerate(case.turns, 1)),
        outcome=case.outcome,
        heard=total(heard),
    )


def _events(case: Case, *, as_heard: bool) -> Iterator[Event]:
    yield CallStarted(call=_CALL, from_number=case.caller)
    for number, turn in enumerate(case.turns, 1):
        text = turn.heard if as_heard and turn.heard is not None else turn.said
        yield UserTurnEnded(call=_CALL, turn=number, text=text)
        for digit in turn.keys:
            yield DigitPressed(call=_CALL, turn=number, digit=digit)
        for index, tool in enumerate(turn.tools or ()):
            if tool.result is not None:
                request, arguments = f"{number}.{index}", msgspec.json.encode(tool.arguments or {}).decode()
                yield ToolRequested(
                    call=_CALL, turn=number, id=request, agent=turn.agent, name=tool.name, arguments=arguments
                )
                yield ToolCompleted(call=_CALL, turn=number, request=request, name=tool.name, result=tool.result)
        yield TurnCompleted(call=_CALL, turn=number, agent=turn.agent)
        yield ReplySpoken(call=_CALL, turn=number, text=turn.reply)
    yield CallEnded(call=_CALL, turn=len(case.turns), reason="caller_hung_up")


# -- recordings


def _of_recording(file: Path, events: list[Event]) -> Trial:
    recorded = call_summary(history_of(events))
    name = f"{recorded.call} in {file.name}"
    wanted = {turn.number: _as_it_went(turn) for turn in recorded.turns if turn.transcript and not turn.cancelled}
    return Trial(name=name, events=events, wanted=wanted, outcome=outcome(recorded))


def _as_it_went(turn: TurnSummary) -> WantedTurn:
    tools = tuple(WantedTool(name=step.name, arguments=_arguments(step.arguments)) for step in turn.tools)
    return WantedTurn(said=turn.transcript, keys=turn.keys, agent=turn.agent, tools=tools, reply=turn.reply)


def _arguments(text: str) -> dict[str, Any] | None:
    try:
        return msgspec.json.decode(text or "{}", type=dict[str, Any])
    except UNREADABLE:
        return None


def outcome(call: CallSummary) -> str:
    """The outcome of a call in the words of annotators: ``escalated`` to a person, ``resolved``, or ``abandoned``."""
    if any(turn.closing == "transferred" for turn in call.turns):
        return "escalated"
    answered = [turn for turn in call.turns if turn.transcript and not turn.cancelled]
    return "abandoned" if not answered or answered[-1].failed else "resolved"


def _of_annotated(call: EvaluatedCall, events: list[Event], *, as_heard: bool) -> Trial:
    """The annotator's corrections count as the true words; replies labelled bad are not used as examples."""
    said: Mapping[int, str] = {turn.turn: turn.corrected for turn in call.turns if turn.speaker == "caller"}
    bad = {turn.turn for turn in call.turns if _BAD in turn.labels}
    wrong_tool = any(_WRONG_TOOL in path for path in call.issues)
    wanted: dict[int, WantedTurn] = {}
    for turn in call_summary(history_of(events)).turns:
        if not turn.transcript or turn.cancelled:
            continue
        right = _as_it_went(turn)
        if turn.number in bad:
            right = WantedTurn(said=right.said)
        elif wrong_tool:
            right = msgspec.structs.replace(right, tools=None)
        wanted[turn.number] = msgspec.structs.replace(right, said=said.get(turn.number, right.said))
    if not as_heard:
        events = [
            msgspec.structs.replace(event, text=said.get(event.turn, event.text))
            if isinstance(event, UserTurnEnded)
            else event
            for event in events
        ]
    known = call.outcome if call.outcome in {"resolved", "escalated"} else ""  # a recorded caller does not give up
    return Trial(name=call.call, events=events, wanted=wanted, outcome=known, heard=call.word_errors)
