"""`ask`: the tool by which an agent has a value captured."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from orchestra.agents.app_checks import check_text_by_language
from orchestra.agents.builtin import collect_digits
from orchestra.agents.capture.dialogue import CaptureDialogue
from orchestra.agents.capture.kinds import Kind
from orchestra.agents.tool import Tool, ToolContext, read_arguments
from orchestra.errors import AppError
from orchestra.language.values import values_of
from orchestra.spoken_languages import in_language

_TRIES = 3
_MOST_TRIES = 6
_NO_ARGUMENTS: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}


class CaptureTool(Tool):
    """A tool whose result the caller gives; made by `ask`.

    Attributes:
        kind: what the caller is asked for.
        asked: the author's question, or one by language; empty: that of the language.
        tries: how many times in a row nothing usable may be heard.
        reads_back: whether the caller has to agree to the value.
        keys: whether the keys of the telephone may be asked for.
        to_person: whether a caller who is not understood gets a person, if the app has a ``transfer_target``.
        secret: whether the value stands nowhere in clear; only tools that need it get it.

    """

    def __init__(
        self, kind: Kind, question: str | Mapping[str, str], *, name: str, about: str,
        examples: Sequence[str] | Mapping[str, Sequence[str]], tries: int,
        reads_back: bool, keys: bool, to_person: bool, secret: bool,
    ) -> None:  # fmt: skip
        def answer(context: ToolContext, value: str = "") -> str:
            context.call_state[name] = value
            return value

        answer.__doc__ = f"Ask the caller for {about}, and have it read back. It asks the question itself: say nothing."
        super().__init__(answer, name=name, idempotent=True, examples=examples)
        check_text_by_language(question, f"ask, {name}: question")
        self.parameters = _NO_ARGUMENTS
        self.kind = kind
        self.asked = question
        self.tries = tries
        self.reads_back = reads_back
        self.keys = keys
        self.to_person = to_person
        self.secret = secret
        self.dialogue = CaptureDialogue(kind, tries=tries, reads_back=reads_back, keys=keys, secret=secret)

    @property
    def uses(self) -> tuple[Tool, ...]:
        """The keypad, if keys may be asked for."""
        return (collect_digits,) if self.keys and self.kind.keyed else ()

    @property
    def asks(self) -> str | dict[str, str]:
        """How the caller is asked, for the app's fingerprint: the question, the kind and the options."""
        return f"{self.asked} {self.kind!r} {self.tries} {self.reads_back} {self.keys} {self.to_person} {self.secret}"

    def question_in(self, language: str) -> str:
        """The question as the caller hears it first."""
        if asked := in_language(self.asked, language):
            return asked
        phrases = values_of(language).phrases
        *others, last = self.kind.offered_in(language) or ("",)
        listed = f"{', '.join(others)} {phrases.or_} {last}" if others else last
        return phrases.questions[self.kind.name].format(value=listed)

    def check(self, arguments: str) -> dict[str, Any]:
        """The arguments; whatever a model makes up is left out."""
        given = read_arguments(self.name, arguments)
        return super().check(msgspec.json.encode({"value": given.get("value", "")}).decode())


def ask(
    kind: Kind | type[Kind],
    question: str | Mapping[str, str] = "",
    *,
    name: str = "",
    about: str = "",
    examples: Sequence[str] | Mapping[str, Sequence[str]] = (),
    tries: int = _TRIES,
    reads_back: bool | None = None,
    keys: bool = True,
    to_person: bool = True,
    secret: bool = False,
) -> CaptureTool:
    """A tool that asks the caller for a value, reads it back and takes corrections, all without a model.

    The agent gets the value as the tool's result, and tools and rules find it in the call's state under the tool's
    name. What the caller says meanwhile is understood by code; nothing else of the turn is decided by a model.

    Args:
        kind: what is asked for: ``Digits(4)``, or ``Email`` for one without options.
        question: how the caller is asked, one text or by language; empty: a short question in the call's language.
        name: the tool's name; default: ``ask_`` and the kind.
        about: what it is, for the model; default: the kind.
        examples: what callers say when they need it, or by language.
        tries: how many times in a row nothing usable may be heard.
        reads_back: whether the caller has to agree to the value; default: as fits the kind.
        keys: whether the keys of the telephone are asked for when speech has failed.
        to_person: whether a caller who is not understood gets a person; without a ``transfer_target``, or if False,
            the agent is told.
        secret: whether the value must stand nowhere in clear. The agent gets a placeholder for it, and only tools that
            need it get the value. It is not read back. A `Card` is always secret; its last four digits are read back.

    Raises:
        AppError: an argument is not possible.

    """
    if isinstance(kind, type):
        if not issubclass(kind, Kind):
            msg = f"ask({kind.__name__}): choose a kind, as in ask(Email) or ask(Digits(4))"
            raise AppError(msg)
        plain = kind
        try:
            kind = plain()
        except TypeError as error:
            msg = f"ask({plain.__name__}): say which, as in ask(Digits(4)) or ask(Choice(('small', 'large')))"
            raise AppError(msg) from error
    if not isinstance(kind, Kind):
        msg = f"ask({kind!r}): choose a kind, as in ask(Email) or ask(Digits(4))"
        raise AppError(msg)
    if isinstance(tries, bool) or not isinstance(tries, int) or not 1 <= tries <= _MOST_TRIES:
        msg = f"ask: tries is {tries!r}: choose 1 to {_MOST_TRIES}"
        raise AppError(msg)
    secret = secret or kind.secret
    if secret and reads_back and not kind.secret:
        msg = f"ask({kind.__class__.__name__}, secret=True): what is secret cannot be read back: leave reads_back out"
        raise AppError(msg)
    by_default = kind.reads_back and (kind.secret or not secret)
    return CaptureTool(
        kind,
        question,
        name=name or f"ask_{kind.name}",
        about=about or kind.about,
        examples=examples,
        tries=tries,
        reads_back=by_default if reads_back is None else reads_back,
        keys=keys,
        to_person=to_person,
        secret=secret,
    )
