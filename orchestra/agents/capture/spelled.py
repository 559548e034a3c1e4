"""Kinds that are said in words and may be spelled: names, e-mail addresses and postal addresses."""

import re
from dataclasses import dataclass
from typing import ClassVar, Final

from orchestra.agents.capture.addresses import correct_address, read_address, say_address
from orchestra.agents.capture.corrections import correct_words, has_words
from orchestra.agents.capture.kinds import Heard, Kind, Setting
from orchestra.language.values import ValueWords, plain, read_email, read_name
from orchestra.language.values.spelling import address_parts
from orchestra.language.values.tokens import has_phrase, longest_at, words_of
from orchestra.language.values.written_with import rewritten, written_with


@dataclass(frozen=True)
class Name(Kind):
    """A person's name, in title case; what a caller spells counts more than what was heard."""

    name: ClassVar[str] = "name"
    about: ClassVar[str] = "their name"
    spells: ClassVar[bool] = True

    def wanted(self, text: str, setting: Setting) -> str:  # noqa: ARG002, D102 - names have such words in them
        return text

    def read(self, text: str, setting: Setting) -> Heard:  # noqa: D102
        values = setting.values
        bare, told = written_with(text, values)
        right, _ = _around_negation(bare, values)
        return Heard(rewritten(_without_answers(read_name(right, values), values), told))

    def correct(self, value: str, text: str, setting: Setting) -> str:  # noqa: D102
        bare, told = written_with(f". {text}", setting.values)
        if told and not self.read(bare, setting).value:  # "mit dt"
            return rewritten(value, told)
        right, wrong = _around_negation(text, setting.values)
        said = self.read(right, setting).value
        if wrong and said:
            wrong = self.read(wrong, setting).value
            if wrong and plain(wrong) in plain(value).split() and len(said.split()) == 1:
                return " ".join(said if plain(each) == plain(wrong) else each for each in value.split())
        return correct_words(value, said)

    def say(self, value: str, setting: Setting) -> str:  # noqa: D102
        del setting
        last = value.rsplit(maxsplit=1)[-1]
        return f"{value}, {'-'.join(last.upper())}" if last.isalpha() else value


def _around_negation(text: str, values: ValueWords) -> tuple[str, str]:
    """What is right and what is wrong, of names: ``Smyth, not Smith``."""
    found = text.split()
    for at, word in enumerate(found):
        before = " ".join(found[:at])
        if plain(word).strip(".,;") not in values.negations or has_phrase(before, values.negations):
            continue
        if has_words(_without_answers(read_name(before, values), values)):
            return before, " ".join(found[at + 1 :])
    return text, ""


def _without_answers(name: str, values: ValueWords) -> str:
    """A name without the words of a yes or no around it."""
    answers = {word for phrase in values.yes | values.no for word in phrase.split()}
    kept = [word for word in name.split() if plain(word) not in answers]
    return "" if has_phrase(name, values.unwilling) else " ".join(kept)


@dataclass(frozen=True)
class Email(Kind):
    """An e-mail address, in lower case."""

    name: ClassVar[str] = "email"
    about: ClassVar[str] = "their e-mail address"
    spells: ClassVar[bool] = True

    def read(self, text: str, setting: Setting) -> Heard:  # noqa: D102
        return Heard(read_email(text, setting.values))

    def correct(self, value: str, text: str, setting: Setting) -> str:
        """The address said anew, or with the part that was said in place of its own; empty if there is none.

        A part is a host (``@gmail.com``), the end of one (``.org``) or what stands before it (``joe@``).
        """
        if whole := read_email(text, setting.values):
            return whole
        piece = address_parts(_without_leading_answer(text, setting.values), setting.values)
        local, _, domain = value.partition("@")
        if piece.startswith("@") and "." in piece:
            return local + piece
        if piece.startswith("."):
            return f"{local}@{domain[: -len(piece)] if domain.endswith(piece) else domain.rpartition('.')[0]}{piece}"
        if piece.endswith("@"):
            return piece + domain
        if "." in piece and not set(piece) - _ADDRESS and piece.rpartition(".")[2] == domain.rpartition(".")[2]:
            return f"{local}@{piece}"
        return ""

    def say(self, value: str, setting: Setting) -> str:  # noqa: D102
        values = setting.values
        names = {sign: word for word, sign in reversed(list(values.signs.items()))} | {"@": values.at[0]}
        local, _, domain = value.partition("@")
        runs = re.findall(r"[a-z]+|\d|[^a-z\d]", local)
        said = " ".join("-".join(run.upper()) if run.isalpha() else names.get(run, run) for run in runs)
        host = domain.replace(".", f" {names['.']} ").replace("-", f" {names['-']} ")
        return f"{said} {names['@']} {host}"


_ADDRESS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-_")


def _without_leading_answer(text: str, values: ValueWords) -> str:
    found = words_of(text)
    first = longest_at(found, 0, values.no | values.yes)
    return text.split(",", 1)[-1] if first and "," in text else " ".join(text.split()[first:])


@dataclass(frozen=True)
class Address(Kind):
    """A postal address in one line, with the house number and the postcode in figures."""

    name: ClassVar[str] = "address"
    about: ClassVar[str] = "their postal address"

    def wanted(self, text: str, setting: Setting) -> str:  # noqa: ARG002, D102 - so have streets: Via Salvo d'Acquisto
        return text

    def read(self, text: str, setting: Setting) -> Heard:  # noqa: D102
        return Heard(read_address(text, setting.values))

    def correct(self, value: str, text: str, setting: Setting) -> str:  # noqa: D102
        return correct_address(value, text, setting.values)

    def say(self, value: str, setting: Setting) -> str:  # noqa: D102
        del setting
        return say_address(value)
