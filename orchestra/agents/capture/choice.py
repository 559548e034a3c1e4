"""Yes or no, and one of several options."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from orchestra.agents.capture.corrections import without_idioms
from orchestra.agents.capture.kinds import Heard, Kind, Setting
from orchestra.errors import AppError
from orchestra.language.values import ValueWords, plain
from orchestra.language.values.numbers import digits_at, number_tokens
from orchestra.language.values.tokens import has_phrase, longest_at, words_of


@dataclass(frozen=True)
class YesNo(Kind):
    """Yes or no, as ``"yes"`` or ``"no"`` in every language."""

    name: ClassVar[str] = "yesno"
    about: ClassVar[str] = "a yes or a no"
    reads_back: ClassVar[bool] = False

    def read(self, text: str, setting: Setting) -> Heard:  # noqa: D102
        if says_no(text, setting.values):
            return Heard("no")
        return Heard("yes") if has_phrase(text, setting.values.yes) else Heard()


def says_no(text: str, values: ValueWords) -> bool:
    """Whether a caller's words disagree; the last of a yes and a no counts: "no, wait, yes"."""
    found = words_of(text)
    answer, at, after_no = "", 0, -1
    while at < len(found):
        no, yes = longest_at(found, at, values.no), longest_at(found, at, values.yes)
        if no and no >= yes:
            answer, after_no = "no", at + no
        elif yes and at != after_no:  # "not right"
            answer = "yes"
        at += max(no, yes, 1)
    return answer == "no" or _denied(text, values)


def says_yes(text: str, values: ValueWords) -> bool:
    """Whether a caller's words agree, and do not take it back."""
    taken_back = has_phrase(text, values.no | values.but) or _denied(text, values)
    return has_phrase(text, values.yes) and not taken_back


def _denied(text: str, values: ValueWords) -> bool:
    """Whether a yes is denied by the last word of its clause: "absolutely not"; "ja, kein Problem" stays a yes."""
    for clause in _CLAUSE_END.split(text):
        found = words_of(clause)
        while len(found) > 1 and found[-1] in values.fillers - values.negations:  # "absolutely not, thank you"
            found.pop()
        before = len(found) - 1
        denies = before > 0 and found[-1] in values.negations
        if denies and any(longest_at(found, at, values.yes) == before - at for at in range(before)):
            return True
    return False


_CLAUSE_END: Final = re.compile(r"[^\w\s'’-]+")


@dataclass(frozen=True)
class Choice(Kind):
    """One of several options, chosen by its words, by number or by place.

    Attributes:
        options: what can be chosen, each with other words for it: ``{"large": ("big", "the large one"), "small": ()}``.

    """

    options: Mapping[str, tuple[str, ...]] = field(hash=False)
    name: ClassVar[str] = "choice"
    about: ClassVar[str] = "their choice"
    reads_back: ClassVar[bool] = False
    keyed: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            AppError: there are fewer than two.

        """
        if not isinstance(self.options, Mapping):
            object.__setattr__(self, "options", {str(each): () for each in self.options})
        if len(self.options) < 2:  # noqa: PLR2004 - one is no choice
            msg = f'Choice has {len(self.options)} options: write at least two, as in Choice(("small", "large"))'
            raise AppError(msg)

    def read(self, text: str, setting: Setting) -> Heard:  # noqa: D102
        right = self._without_rejected(text, setting.values)
        named = self._named(right)
        if len(named) == 1:
            return Heard(named.pop())
        return self._counted(right, setting.values) if not named else Heard()

    def _named(self, text: str) -> set[str]:
        """The options whose words were said: whole ones first, then those with a word that no other has."""
        said = words_of(text)
        joined = f" {' '.join(said)} "
        whole = {
            option
            for option, others in self.options.items()
            if any(f" {' '.join(words_of(each))} " in joined for each in (option, *others) if each)
        }
        longer = {each for each in whole if any(each != other and plain(each) in plain(other) for other in whole)}
        if whole - longer:
            return whole - longer
        words = {
            option: {word for each in (option, *others) for word in words_of(each)}
            for option, others in self.options.items()
        }
        own = {
            option: found - set().union(*(words[other] for other in words if other != option)) - _SMALL
            for option, found in words.items()
        }
        return {option for option, found in own.items() if found & set(said)}

    def _without_rejected(self, text: str, values: ValueWords) -> str:
        """What was said without the options that it denies: ``large, not small``, ``not on Monday, Friday``.

        A denial goes for what follows in its clause, and at the end of a clause for all of it: ``el lunes no``.
        """
        options = [
            {word for each in (option, *others) for word in words_of(each)} for option, others in self.options.items()
        ]
        known = set().union(*options, *map(words_of, values.ordinals), values.last, values.numbers) - _SMALL
        kept: list[str] = []
        for clause in _CLAUSE_END.split(text):
            found = words_of(clause)
            at = next((at for at, word in enumerate(found) if word in values.negations), len(found))
            before, after = found[:at], found[at + 1 :]
            if known.intersection(before):  # "large not the small one"; or "el lunes no", which denies it
                kept += before if at == len(found) or set(after) - values.fillers else []
                continue
            denied = next((place for place, word in enumerate(after) if word in known), len(after))
            same = set().union(*(words for words in options if after[denied : denied + 1] and after[denied] in words))
            end = denied + 1
            while end < len(after) and after[end] in same:  # "not Monday morning"
                end += 1
            kept += [*before, *after[end:]]
        return " ".join(kept)

    def _counted(self, text: str, values: ValueWords) -> Heard:
        """The option of a place or number, if the caller says nothing else with it."""
        options = list(self.options)
        found = [each for each in number_tokens(without_idioms(text, values), values) if each.isalnum()]
        for at in range(len(found)):
            last, size = longest_at(found, at, values.last), longest_at(found, at, values.ordinals.keys())
            if not (last or size) or _meant(found[at + (last or size) :], values, one=True):
                continue
            number = len(options) if last else values.ordinals[" ".join(found[at : at + size])]
            return Heard(options[number - 1]) if number <= len(options) else Heard(invalid=True)
        number = _number_meant(found, values)
        return Heard(options[number - 1]) if 0 < number <= len(options) else Heard()

    @property
    def offered(self) -> tuple[str, ...]:  # noqa: D102
        return tuple(self.options)

    @property
    def key_count(self) -> int:  # noqa: D102
        return 1 if len(self.options) < 10 else 0  # noqa: PLR2004 - keys 1 to 9


_SMALL: Final = frozenset(
    [
        "the",
        "a",
        "an",
        "of",
        "and",
        "or",
        "to",
        "in",
        "on",
        "de",
        "la",
        "el",
        "der",
        "die",
        "das",
        "le",
        "les",
        "il",
        "lo",
        "o",
        "os",
        "het",
        "een",
        "und",
        "y",
        "e",
        "et",
    ]
)


#: before the number of an option
_COUNTERS: Final = frozenset(
    ["number", "option", "choice", "nummer", "moglichkeit", "numero", "opcion", "opzione", "opcao", "optie", "keuze"]
)


def _meant(found: list[str], values: ValueWords, *, one: bool = False) -> list[str]:
    """The words that carry meaning; ``one``: words of the number 1 and counters do not, as in "the last one"."""
    small = values.fillers | values.introduces | values.yes | _SMALL
    counts = [word for word in found if word not in small]
    return [word for word in counts if word not in _COUNTERS and values.numbers.get(word) != 1] if one else counts


def _number_meant(found: list[str], values: ValueWords) -> int:
    """The number by which an option is chosen; 0: none.

    Words of the number 1 are articles and pronouns, too: alone, and after "number", they count ("the middle one" does
    not). Other numbers also count at the end of a sentence: "I'll take two" chooses, "for two people" does not.
    """
    for at in range(len(found)):
        digits, used = digits_at(found, at, values)
        if not used:
            continue
        before, after = _meant(found[:at], values), _meant(found[at + used :], values)
        number = int(digits) if len(digits) <= 2 else 0  # noqa: PLR2004 - nobody offers a hundred
        if before[-1:] and before[-1] in _COUNTERS:
            return number
        return number if not after and (not before or number > 1) else 0
    return 0
