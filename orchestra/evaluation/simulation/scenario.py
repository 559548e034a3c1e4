"""A scenario: a caller, what they want, and what is true once they have got it."""

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec

from orchestra.errors import UsageError
from orchestra.evaluation.dataset import WantedTool
from orchestra.evaluation.simulation.disturbances import Disturbances
from orchestra.history.call import CallHistory
from orchestra.spoken_languages import check_code

#: what is true after the call: True, or why it is not (False: without a reason)
Success = Callable[[CallHistory, Any], bool | str]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}", re.ASCII)
_MOST_TURNS = 200


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A caller, what they want, and what is true once they have got it.

    At least one of ``success``, ``tools``, ``words`` and ``criterion`` says what success is; a run passes if all that
    are given hold.

    Attributes:
        name: letters, digits, ``-`` and ``_``.
        goal: what the caller wants, as the model that plays them is told.
        persona: who they are and how they speak, for that model.
        facts: what they know, and say when they are asked, by name: ``{"parcel number": "4271"}``.
        must_not_know: what they must not say before the agents have said it: names, numbers.
        opening: their first words. A model finds its own; the caller without a model needs them.
        answers: what the caller without a model says when the agents say certain words, by these words. Each is said
            once, the first that fits first; what the facts answer need not stand here.
        satisfied_by: words of the agents by which that caller knows that they have what they wanted; each of them has
            been said. Without any: the last of ``answers`` was said, and got a reply.
        success: what is true after the call: a function of its history and of the resources that its tools used, which
            returns True, or why it is not.
        tools: the tool calls that are made, in this order; others may stand between them. A name, or
            ``{"name": "find_parcel", "arguments": {"number": "4271"}}``, whose arguments are among those of the call.
        words: what the agents say at some point of the call: words or phrases, ignoring case and punctuation.
        criterion: what a judge decides from the conversation, in a sentence.
        disturbances: what disturbs the call.
        language: in which the caller speaks (BCP 47); empty: that of the call.
        max_turns: after so many turns the caller hangs up, and has not got what they wanted.
        line: what they have dialled, of an app with several lines: the name of the line.
        number: that they call from (E.164).
        variables: what the call brings along, as `CallStarted` has it.
        lifespan: opens what tools get as resources, for each run anew, in place of the app's own ``lifespan``.

    Raises:
        UsageError: something is missing or makes no sense; the message says what to write.

    """

    name: str
    goal: str
    persona: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    must_not_know: tuple[str, ...] = ()
    opening: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)
    satisfied_by: tuple[str, ...] = ()
    success: Success | None = None
    tools: tuple[WantedTool | Mapping[str, Any] | str, ...] = ()
    words: tuple[str, ...] = ()
    criterion: str = ""
    disturbances: Disturbances = field(default_factory=Disturbances)
    language: str = ""
    max_turns: int = 20
    line: str = ""
    number: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    lifespan: Callable[[], AbstractAsyncContextManager[Any]] | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be played: see `Scenario`."""
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            msg = f"a scenario's name is {self.name!r}: use letters, digits, - and _, at most 80"
            raise UsageError(msg)
        here = f"scenario {self.name!r}:"
        for name in ("goal", "persona", "opening", "criterion", "language", "line", "number"):
            if not isinstance(getattr(self, name), str):
                msg = f"{here} {name} is {type(getattr(self, name)).__name__}: write it as text"
                raise UsageError(msg)
        if not self.goal.strip():
            msg = f"{here} it has no goal: say what the caller wants"
            raise UsageError(msg)
        self._check_collections(here)
        for name in ("success", "lifespan"):
            if getattr(self, name) is not None and not callable(getattr(self, name)):
                msg = f"{here} {name} is {type(getattr(self, name)).__name__}: write a function"
                raise UsageError(msg)
        if not (self.is_checked or self.criterion):
            msg = f"{here} nothing says what success is: give success, tools, words or criterion"
            raise UsageError(msg)
        if isinstance(self.max_turns, bool) or not 1 <= self.max_turns <= _MOST_TURNS:
            msg = f"{here} max_turns is {self.max_turns!r}: write a whole number from 1 to {_MOST_TURNS}"
            raise UsageError(msg)
        if self.language:
            check_code(self.language, f"{here} language")

    @property
    def is_checked(self) -> bool:
        """Whether something besides a judge says what success is."""
        return bool(self.success or self.tools or self.words)

    @property
    def wanted_tools(self) -> tuple[WantedTool, ...]:
        """The tool calls that are made."""
        return cast("tuple[WantedTool, ...]", self.tools)

    def _check_collections(self, here: str) -> None:
        for name in ("facts", "answers", "variables"):
            given = getattr(self, name)
            if not isinstance(given, Mapping) or not all(
                isinstance(each, str) for pair in given.items() for each in pair
            ):
                msg = f'{here} {name} is {given!r}: write texts by name, as in {{"parcel number": "4271"}}'
                raise UsageError(msg)
        for name in ("must_not_know", "satisfied_by", "words"):
            given = getattr(self, name)
            if isinstance(given, str) or not all(isinstance(each, str) for each in given):
                msg = f"{here} {name} is {given!r}: write a list of texts"
                raise UsageError(msg)
            object.__setattr__(self, name, tuple(given))
        try:
            object.__setattr__(self, "tools", tuple(map(_wanted_tool, self.tools)))
        except (msgspec.ValidationError, TypeError) as error:
            msg = f'{here} tools: {error}: write ("find_parcel",), or ({{"name": …, "arguments": {{…}}}},)'
            raise UsageError(msg) from None
        if not isinstance(self.disturbances, Disturbances):
            msg = f"{here} disturbances is {type(self.disturbances).__name__}: write Disturbances(…)"
            raise UsageError(msg)


def _wanted_tool(given: WantedTool | Mapping[str, Any] | str) -> WantedTool:
    if isinstance(given, WantedTool):
        return given
    return msgspec.convert({"name": given} if isinstance(given, str) else given, type=WantedTool)
