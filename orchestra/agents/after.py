"""What an app wants to know of a call that has ended: a summary, typed values, verdicts of judges, success."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256

import msgspec

from orchestra.agents.app_checks import as_tuple
from orchestra.agents.fingerprint import sources
from orchestra.errors import AppError
from orchestra.history.call import CallHistory

#: True, False, or a text: why not; None: it cannot be told
Finding = bool | str | None
Criterion = str | Callable[[CallHistory], Finding]

_DIGITS = 12


@dataclass(frozen=True)
class Judge:
    """Decides whether a call meets a criterion: in words, for a model, or a function.

    ``Judge("polite", "The agents stay polite, whatever the caller says.")``

    Attributes:
        name: of the judge: it names its verdicts.
        criterion: a sentence that is true or false of a call. A function takes the `CallHistory` and returns whether
            the call meets it, or a text: why not; None if it cannot be told. It may run several times.

    """

    name: str
    criterion: Criterion

    def __post_init__(self) -> None:
        """Report common mistakes where they are made.

        Raises:
            AppError: it has no name, or neither words nor a function.

        """
        if not isinstance(self.name, str) or not self.name.strip():
            msg = f'a judge\'s name is {self.name!r}: write Judge("polite", "The agents stay polite.")'
            raise AppError(msg)
        check_criterion(self.criterion, f"judge {self.name!r}: its criterion")

    @cached_property
    def version(self) -> str:
        """A hash of what it judges by: the words, or the source of the function and what that uses of its package."""
        content = self.criterion if isinstance(self.criterion, str) else sources(self.criterion)
        return sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()[:_DIGITS]


@dataclass(frozen=True, kw_only=True)
class After:
    """What is found out about a call when it has ended, by the worker ``analysis``; one prompt asks for all of it.

    Attributes:
        summary: a summary in two or three sentences, in the call's language.
        extract: a `msgspec.Struct` whose fields the model fills in from what was said; a field without a default is
            named if the call does not give it. Names, types and ``msgspec.Meta(description=…)`` tell the model what
            is wanted.
        judges: give a verdict each.
        success: whether the caller got what they wanted: a criterion in words, or a function as a judge has one.
        when: whether this is asked of a call; a function of its `CallHistory`. None: of every call.
        shortest_s: calls that were shorter are skipped, in seconds.
        shortest_turns: calls in which the caller had fewer turns are skipped.
        model: that answers; empty: the default one of the settings.

    """

    summary: bool = False
    extract: type[msgspec.Struct] | None = None
    judges: tuple[Judge, ...] = ()
    success: Criterion | None = field(default=None)
    when: Callable[[CallHistory], bool] | None = None
    shortest_s: float = 5.0
    shortest_turns: int = 1
    model: str = ""

    def __post_init__(self) -> None:
        """Report common mistakes where they are made.

        Raises:
            AppError: a part has the wrong type; the message says which, and how to write it.

        """
        cure = 'write judges=(Judge("polite", "The agents stay polite."),)'
        object.__setattr__(self, "judges", as_tuple(self.judges, Judge, "after: judges", cure=cure))
        names = [judge.name for judge in self.judges]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            msg = f"after: two judges are named {doubled[0]!r}: rename one"
            raise AppError(msg)
        if self.extract is not None and not (
            isinstance(self.extract, type) and issubclass(self.extract, msgspec.Struct)
        ):
            msg = f"after: extract is {self.extract!r}: write a class of its own, class Order(msgspec.Struct): …"
            raise AppError(msg)
        if self.success is not None:
            check_criterion(self.success, "after: success")
        if self.when is not None and not callable(self.when):
            msg = f"after: when is {self.when!r}: write a function of the call's history that returns True or False"
            raise AppError(msg)

    @property
    def content(self) -> dict[str, object]:
        """What decides what it finds out, for the app's fingerprint."""
        success = self.success
        return {
            "summary": self.summary,
            "extract": None if self.extract is None else msgspec.json.schema(self.extract),
            "judges": [[judge.name, judge.version] for judge in self.judges],
            "success": success if success is None or isinstance(success, str) else sources(success),
            "when": {} if self.when is None else sources(self.when),
            "shortest": [self.shortest_s, self.shortest_turns],
            "model": self.model,
        }


def check_criterion(criterion: object, where: str) -> None:
    """Raises AppError: it is neither words nor a function."""
    if not (callable(criterion) or (isinstance(criterion, str) and criterion.strip())):
        msg = (
            f"{where} is {criterion!r}: write a sentence that is true or false of a call, or a function of its history"
        )
        raise AppError(msg)


def check_after(after: object) -> tuple[After, ...]:
    """What an app wants to know, one or several, as a tuple.

    Raises:
        AppError: it is something else.

    """
    if isinstance(after, After):
        return (after,)
    return as_tuple(after, After, "after", cure="write after=After(summary=True), or several with when=")
