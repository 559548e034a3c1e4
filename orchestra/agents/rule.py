"""Rules: functions that see what an agent is about to say or do, and let it pass, change it or stop it."""

import inspect
import time
from collections.abc import Callable
from typing import Any

import msgspec
import structlog

from orchestra.agents.app_checks import annotations_of
from orchestra.errors import AppError
from orchestra.language.registry import DEFAULT_CODE
from orchestra_schemas import Message

_LOG = structlog.get_logger("orchestra.agents")

#: longest time that a rule may block the event loop, in seconds
_LONGEST_S = 0.5


class Sentence(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence that an agent is about to say, as plain words; the rest as in `ToolUse`."""

    text: str
    agent: str = ""
    call: str = ""
    turn: int = 0
    language: str = DEFAULT_CODE
    variables: dict[str, Any] = {}
    call_state: dict[str, Any] = {}


class _Step(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule knows of the call."""

    agent: str = ""
    call: str = ""
    turn: int = 0
    caller_number: str = ""
    language: str = DEFAULT_CODE
    conversation: tuple[Message, ...] = ()
    variables: dict[str, Any] = {}
    call_state: dict[str, Any] = {}

    @property
    def caller_said(self) -> str:
        """Everything the caller has said so far, as far as it is remembered."""
        return " ".join(message.content for message in self.conversation if message.role == "user")


class ToolUse(_Step, frozen=True, kw_only=True):
    """A tool that an agent is about to call.

    Attributes:
        tool: the tool's name.
        arguments: by name, checked, in the types that the tool is annotated with.
        agent: name of the agent that speaks.
        call: the call's id.
        turn: number of the caller's turn.
        caller_number: E.164; empty if the carrier sent none.
        language: in which the call is held (BCP 47), and what is said instead has to be.
        conversation: what was said and done so far, oldest first.
        variables: what is known of the call since it began, by name; read-only.
        call_state: what tools have noted for the rest of the call; read-only.

    """

    tool: str
    arguments: dict[str, Any] = {}

    def instead(self, tool: str = "", **arguments: Any) -> "ToolUse":
        """The same call with some arguments replaced; or a call of another tool with only these arguments."""
        if tool and tool != self.tool:
            return msgspec.structs.replace(self, tool=tool, arguments=arguments)
        return msgspec.structs.replace(self, arguments={**self.arguments, **arguments})


class Handoff(_Step, frozen=True, kw_only=True):
    """A handoff that an agent is about to make: ``target`` is the agent that would speak next."""

    target: str

    def instead(self, target: str) -> "Handoff":
        """The same handoff to another agent."""
        return msgspec.structs.replace(self, target=target)


#: what a rule can be about
SUBJECTS: tuple[type, ...] = (Sentence, ToolUse, Handoff)


class Rule:
    """A function on a `Sentence`, a `ToolUse` or a `Handoff`; made by `rule`. Calling it calls the function.

    Attributes:
        name: the function's name.
        subject: the type that it is about.

    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        if not inspect.isfunction(function):
            msg = f"@rule marks a function, not {type(function).__name__}: write it above a def, without arguments"
            raise AppError(msg)
        self.function = function
        self.name = function.__name__
        if inspect.iscoroutinefunction(function):
            msg = f"rule {self.name}: is async; a rule runs before each sentence is spoken and must answer at once"
            raise AppError(msg)
        self.subject = _subject(function, self.name)

    def __repr__(self) -> str:
        return f"<rule {self.name}>"

    def __call__(self, subject: Any) -> Any:
        """None: let it pass; text: say that instead; a result of ``subject.instead(…)``: do that instead."""
        began = time.monotonic()
        decided = self.function(subject)
        took = time.monotonic() - began
        if took > _LONGEST_S:
            _LOG.warning(
                "rule.blocked_the_loop",
                rule=self.name,
                seconds=round(took, 1),
                problem=f"rule {self.name} blocked every call of this worker for {took:.1f} s: a rule may not wait",
            )
        return decided


def rule(function: Callable[[Any], Any]) -> Rule:
    """Make a function a rule on every sentence, tool call or handoff of the app's agents.

    Its one argument is annotated `Sentence`, `ToolUse` or `Handoff`. It returns None to let the subject pass, or text
    to stop it and say the text instead (empty text: say nothing; the agent learns that it was refused). A rule on a
    tool call or handoff may also change it: ``return use.instead(day="Friday")``. If a rule raises, its subject is
    stopped. Rules run again when a turn is repeated after a crash, so they must not have side effects.

    Raises:
        AppError: the function is async, or does not take exactly one argument annotated with one of the three.

    """
    return Rule(function)


def _subject(function: Callable[..., Any], name: str) -> type:
    hints = annotations_of(function, f"rule {name}")
    arguments = list(inspect.signature(function).parameters)
    if len(arguments) != 1 or hints.get(arguments[0]) not in SUBJECTS:
        msg = (
            f"rule {name}: takes ({', '.join(arguments)}); it must take one argument annotated `Sentence`, `ToolUse` "
            "or `Handoff`"
        )
        raise AppError(msg)
    subject: type = hints[arguments[0]]
    return subject
