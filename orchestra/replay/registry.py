"""Sources and targets of a replay, each in a file of its own, found by the form of what the user wrote.

A module of the package that has the attribute is registered by being there: nothing else lists it.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, Protocol, TypeVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a user writes to name a source or a target; the forms are tried in the order of the attributes.

    Attributes:
        description: the form in an error message, after the words: "a Redis URL".
        words: taken literally: ``journal``.
        schemes: of a URL, without what follows a ``+``: ``redis``.
        matches: recognizes any other text, like the path of a file.
        fallback: recognizes what no form of another source or target does.

    """

    description: str
    words: tuple[str, ...] = ()
    schemes: tuple[str, ...] = ()
    matches: Callable[[str], bool] = lambda _: False
    fallback: Callable[[str], bool] = lambda _: False


class Registered(Protocol):
    """What a module registers."""

    @property
    def form(self) -> Form:
        """What a user writes for it."""


T = TypeVar("T", bound=Registered)


class Registry(Generic[T]):
    """The modules of a package that have an attribute of this name.

    Args:
        package: the full name of the package.
        attribute: what its modules register under.

    """

    def __init__(self, package: str, attribute: str) -> None:
        self._package = package
        self._attribute = attribute

    @cached_property
    def all(self) -> tuple[T, ...]:
        """Everything that is registered, by the names of the modules."""
        package = importlib.import_module(self._package)
        names = sorted(module.name for module in pkgutil.iter_modules(package.__path__, f"{self._package}."))
        modules = [importlib.import_module(name) for name in names]
        return tuple(getattr(module, self._attribute) for module in modules if hasattr(module, self._attribute))

    def find(self, text: str) -> T | None:
        """The one whose form the text has; None if there is none."""
        scheme = text.partition("://")[0].partition("+")[0] if "://" in text else ""
        tests: tuple[Callable[[Form], bool], ...] = (
            lambda form: text in form.words,
            lambda form: scheme in form.schemes,
            lambda form: form.matches(text),
            lambda form: form.fallback(text),
        )
        return next((each for test in tests for each in self.all if test(each.form)), None)

    def describe(self) -> str:
        """Every form in words, for an error message."""
        words = [word for each in self.all for word in each.form.words]
        *most, last = [*words, *(each.form.description for each in self.all if each.form.description)]
        return f"{', '.join(most)}, or {last}"
