"""A rule: a function that sees what is about to be said, and may change or stop it."""

import inspect
from collections.abc import Callable
from typing import Any, get_type_hints

import msgspec

from orchestra.errors import AppError


class Sentence(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence that an agent is about to say, as plain words."""

    text: str
    agent: str = ""
    call: str = ""
    turn: int = 0


class Rule:
    """A function on a `Sentence`; made by `rule`. Calling it calls the function."""

    def __init__(self, function: Callable[[Sentence], str | None]) -> None:
        self.function = function
        self.name = function.__name__
        if inspect.iscoroutinefunction(function):
            msg = f"rule {self.name}: is async; a rule runs before each sentence is spoken and must answer at once"
            raise AppError(msg)
        _check(function, self.name)

    def __repr__(self) -> str:
        return f"<rule {self.name}>"

    def __call__(self, sentence: Sentence) -> str | None:
        """None: say it as it is; other text: say that instead; empty text: say nothing."""
        return self.function(sentence)


def rule(function: Callable[[Sentence], str | None]) -> Rule:
    """Make a function a rule on every sentence of the app's agents.

    It takes a `Sentence` and returns None (say it), other words (say these instead) or empty text (say nothing). A
    rule that raises stops the sentence: what it guards is not said.

    Raises:
        AppError: the function does not take exactly one argument annotated `Sentence`, or is async.

    """
    return Rule(function)


def _check(function: Callable[..., Any], name: str) -> None:
    hints = get_type_hints(function)
    arguments = list(inspect.signature(function).parameters)
    if len(arguments) != 1 or hints.get(arguments[0]) is not Sentence:
        msg = f"rule {name}: takes ({', '.join(arguments)}); it must take one argument annotated `Sentence`"
        raise AppError(msg)
