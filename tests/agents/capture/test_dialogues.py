"""Recorded dialogues of every kind, in ``dialogues/LANGUAGE/KIND.txt``.

``ask`` names the kind, ``<`` is what the caller hears, ``>`` what they say, ``#`` the keys that they press (empty:
none), ``=`` the value, or how it ended. Today is Friday, 27 November 2026.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

import pytest

from orchestra.agents import capture
from orchestra.agents.capture.dialogue import Asked, Captured, Declined, GivenUp, KeysWanted, PendingCapture, Step
from orchestra.agents.capture.kinds import Setting
from orchestra.agents.capture.tool import CaptureTool
from orchestra.language.values import values_of

HOME: Final = Path(__file__).with_name("dialogues")
FILES: Final = sorted(path.relative_to(HOME).with_suffix("").as_posix() for path in HOME.glob("*/*.txt"))
TODAY: Final = date(2026, 11, 27)
KINDS: Final = {name: getattr(capture, name) for name in capture.__all__}


def dialogues(name: str) -> Iterator[tuple[CaptureTool, list[str]]]:
    """The dialogues of a file: what is asked for, and the lines."""
    tool: CaptureTool | None = None
    for block in (HOME / f"{name}.txt").read_text(encoding="utf-8").strip().split("\n\n"):
        if block.startswith("ask "):
            tool = capture.ask(eval(block.removeprefix("ask "), dict(KINDS)))
        else:
            assert tool is not None, f"{name} begins without a kind"
            yield tool, block.splitlines()


def held(tool: CaptureTool, lines: list[str], code: str) -> list[str]:
    """The dialogue as it is held with what the caller says and presses in these lines."""
    setting = Setting(values_of(code), TODAY)
    question = tool.question_in(code)
    pending = PendingCapture(tool=tool.name, turn=1, question=question)
    held = [f"< {question}"]
    for line in lines:
        if line[0] not in ">#":
            continue
        held.append(line)
        take = tool.dialogue.advance if line[0] == ">" else tool.dialogue.keyed
        step = take(pending, line[1:].strip(), setting)
        if not isinstance(step, Asked | KeysWanted):
            return [*held, f"= {_outcome(step)}"]
        pending = step.pending
        held.append(f"< {step.say}")
    return held


def _outcome(step: Step) -> str:
    match step:
        case Captured(value):
            return value
        case Declined():
            return "declined"
        case GivenUp():
            return "given up"
    raise AssertionError(step)


@pytest.mark.parametrize("name", FILES)
def test_the_dialogues_are_held_as_recorded(name: str) -> None:
    code = name.partition("/")[0]
    for tool, lines in dialogues(name):
        assert held(tool, lines, code) == lines


@pytest.mark.parametrize("kind", [name.partition("/")[2] for name in FILES if name.startswith("en/")])
def test_every_kind_has_thirty_dialogues_in_english(kind: str) -> None:
    assert len(list(dialogues(f"en/{kind}"))) >= 30


@pytest.mark.parametrize("code", sorted({name.partition("/")[0] for name in FILES}))
def test_every_kind_has_eight_dialogues_in_each_language(code: str) -> None:
    kinds = {name.partition("/")[2] for name in FILES}
    few = {kind for kind in kinds if f"{code}/{kind}" not in FILES or len(list(dialogues(f"{code}/{kind}"))) < 8}
    assert not few
