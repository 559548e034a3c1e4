"""Scenarios from recorded calls: what the caller wanted, said, and knew. Pure."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from orchestra.agents.builtin import ACTS_ON_CALL
from orchestra.bus.stream.entry import UNREADABLE
from orchestra.errors import UsageError
from orchestra.evaluation.dataset import WantedTool
from orchestra.evaluation.simulation.is_said import is_said
from orchestra.evaluation.simulation.scenario_files import WrittenScenario
from orchestra.history.call import CallHistory
from orchestra.history.views.turn_summaries import CallSummary, TurnSummary, call_summary
from orchestra_schemas.user import SECRET

#: like the tools that act on the call, it says nothing about what the caller wanted
_SEARCH = "search_knowledge"
_FARTHEST_FROM_RECORDED = 2


def scenario_of(history: CallHistory) -> WrittenScenario:
    """A scenario whose caller wants, says and knows what that of a recorded call did.

    Success is that the tools are called that were called then, and, for a judge, that the caller gets what they wanted.
    What was masked in the call (`SECRET`) is left out. The wish is quoted: say it in your own words for a model.

    Raises:
        UsageError: the caller says nothing in the recording.

    """
    call = call_summary(history)
    said = [turn for turn in call.turns if turn.transcript and SECRET not in turn.transcript]
    if not said:
        msg = f"the recording of {call.call or 'this call'} has no words of the caller's: no scenario can be made of it"
        raise UsageError(msg)
    wish = said[0].transcript
    language = "" if history.started is None else history.started.language
    return WrittenScenario(
        name=f"call-{call.call[-12:]}" if call.call else "call",
        goal=f"get what they ask for: “{wish}”",
        persona="Speaks as in these words of theirs: " + " / ".join(f"“{turn.transcript}”" for turn in said),
        facts=dict(_facts(call, language or "en")),
        opening=wish,
        answers=dict(_answers(call)),
        tools=tuple(_tools(call)),
        criterion=f"The agents have done, or answered, what the caller wanted with “{wish}”.",
        language=language,
        max_turns=max(_FARTHEST_FROM_RECORDED * len(said), 10),
    )


def _facts(call: CallSummary, language: str) -> Iterator[tuple[str, str]]:
    """The arguments of tools that the caller has said themselves, by their names."""
    for turn in call.turns:
        words = [each.transcript for each in call.turns if each.number <= turn.number]
        for step in turn.tools:
            if step.name in ACTS_ON_CALL or step.name == _SEARCH:
                continue
            for name, value in _arguments(step.arguments).items():
                text = str(value)
                if SECRET not in text and any(is_said(text, each, language) for each in words):
                    yield name.replace("_", " "), text


def _answers(call: CallSummary) -> Iterator[tuple[str, str]]:
    """What the caller said to what the agents said last, the greeting excepted."""
    before: TurnSummary | None = None
    for turn in call.turns:
        asked = _last_sentence(before.reply) if before is not None else ""
        if asked and turn.transcript and SECRET not in turn.transcript:
            yield asked, turn.transcript
        before = turn


def _last_sentence(reply: str) -> str:
    found = [sentence.strip() for sentence in re.findall(r"[^.!?]+", reply)]
    return found[-1] if found else ""


def _tools(call: CallSummary) -> Iterator[WantedTool]:
    for turn in call.turns:
        for step in turn.tools:
            if step.failed or step.name in ACTS_ON_CALL:
                continue
            arguments = _arguments(step.arguments)
            kept = {name: value for name, value in arguments.items() if SECRET not in str(value)}
            yield WantedTool(name=step.name, arguments=None if step.name == _SEARCH else kept)


def _arguments(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text or "{}", type=dict[str, Any])
    except UNREADABLE:
        return {}
