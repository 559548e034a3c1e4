"""Yes or no, and one of several options."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final, NamedTuple

from orchestra.agents.app_checks import texts_by_language
from orchestra.agents.capture.corrections import without_idioms
from orchestra.agents.capture.kinds import Heard, Kind, Setting
from orchestra.errors import AppError
from orchestra.language.values import ValueWords
from orchestra.language.values.numbers import digits_at, number_tokens
from orchestra.language.values.tokens import has_phrase, longest_at, words_of
from orchestra.spoken_languages import in_language


@dataclass(frozen=True)
class YesNo(Kind):
    """Yes or no, as ``"yes"`` or ``"no"`` in every language."""

    name: ClassVar[str] = "yesno"
    about: ClassVar[str] = "a yes or a no"
    reads_back: ClassVar[bool] = False

    def wanted(self, text: str, setting: Setting) -> str:  # noqa: ARG002, D102 - a denial is an answer
        return text

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
            Where callers speak several languages, each with its words by language, the first of which is said to them:
            ``{"large": {"en": ("large", "big"), "es": ("grande",)}, …}``.

    """

    options: Mapping[str, tuple[str, ...] | Mapping[str, tuple[str, ...]]] = field(hash=False)
    name: ClassVar[str] = "choice"
    about: ClassVar[str] = "their choice"
    reads_back: ClassVar[bool] = False
    keyed: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            AppError: there are fewer than two, or the words for one are none.

        """
        if not isinstance(self.options, Mapping):
            object.__setattr__(self, "options", {str(each): () for each in self.options})
        cure = 'write Choice({"large": ("big",), "small": ()})'
        words = {
            each: texts_by_language(others, f"Choice: words for {each!r}", cure=cure)
            for each, others in self.options.items()
        }
        object.__setattr__(self, "options", words)
        if len(self.options) < 2:  # noqa: PLR2004 - one is no choice
            msg = f'Choice has {len(self.options)} options: write at least two, as in Choice(("small", "large"))'
            raise AppError(msg)

    def wanted(self, text: str, setting: Setting) -> str:  # noqa: ARG002, D102 - it depends on what else there is
        return text

    def read(self, text: str, setting: Setting) -> Heard:  # noqa: D102
        options, values = self._words_in(setting.values.code), setting.values
        said = _split_denied(text, options, values)
        named = _named(said.wanted, options)
        if said.excepted:
            left = named or set(options) - _excepted(said.excepted, options, values)
            return Heard(left.pop()) if len(left) == 1 and not said.unclear else Heard()
        if len(named) == 1:
            return Heard(named.pop())
        return _counted(said.wanted, list(options), values) if not named else Heard()

    def say(self, value: str, setting: Setting) -> str:  # noqa: D102
        return self._words_in(setting.values.code).get(value, (value,))[0]

    def _words_in(self, language: str) -> dict[str, tuple[str, ...]]:
        """The words for each option in this language; the first one is what is said."""
        return {
            option: (option, *others) if isinstance(others, tuple) else in_language(others, language) or (option,)
            for option, others in self.options.items()
        }

    def offered_in(self, language: str) -> tuple[str, ...]:  # noqa: D102
        return tuple(words[0] for words in self._words_in(language).values())

    @property
    def key_count(self) -> int:  # noqa: D102
        return 1 if len(self.options) < 10 else 0  # noqa: PLR2004 - keys 1 to 9


def _named(text: str, options: Mapping[str, tuple[str, ...]]) -> set[str]:
    """The options whose words were said: whole ones first, then those with a word that no other has."""
    whole = _whole(text, options)
    if whole:
        return whole
    words = _by_word(options)
    own = {
        option: found - set().union(*(words[other] for other in words if other != option)) - _SMALL
        for option, found in words.items()
    }
    return {option for option, found in own.items() if found & set(words_of(text))}


def _whole(text: str, options: Mapping[str, tuple[str, ...]]) -> set[str]:
    """The options that were said with all words of a name; of names within others only the longest count."""
    joined = f" {' '.join(words_of(text))} "
    spoken: dict[str, str] = {}
    for option, names in options.items():
        written = (f" {' '.join(words_of(each))} " for each in names)
        spoken[option] = max((each for each in written if each.strip() and each in joined), key=len, default="")
    said = {option: name for option, name in spoken.items() if name}
    return {
        option
        for option, name in said.items()
        if not any(name != longer and name in longer for longer in said.values())
    }


def _by_word(options: Mapping[str, tuple[str, ...]]) -> dict[str, set[str]]:
    return {option: {word for name in names for word in words_of(name)} for option, names in options.items()}


class _Said(NamedTuple):
    """What a caller wants, and what they do not want of all there is.

    Attributes:
        wanted: their words without what they deny.
        excepted: the words after "anything but"; empty if they say no such thing.
        unclear: an option comes after these: "anything but Monday, Tuesday" may deny it, or choose it.

    """

    wanted: str
    excepted: str
    unclear: bool


def _split_denied(text: str, options: Mapping[str, tuple[str, ...]], values: ValueWords) -> _Said:
    """What was said without the options that it denies: ``large, not small``, ``not on Monday, Friday``.

    A denial goes for what follows in its clause, and at the end of a clause for all of it: ``el lunes no``. ``anything
    but Monday`` says more: each of the others will do.
    """
    words = list(_by_word(options).values())
    known = set().union(*words, *map(words_of, values.ordinals), values.last, values.numbers) - _SMALL
    wanted: list[str] = []
    excepted: list[str] = []
    unclear = False
    for clause in _CLAUSE_END.split(without_idioms(text, values)):
        found = words_of(clause)
        but, size = next(
            ((at, size) for at in range(len(found)) if (size := longest_at(found, at, values.excepts))), (len(found), 0)
        )
        if size and known.intersection(found[but + size :]):
            wanted += found[:but]
            excepted += found[but + size :]
            continue
        kept = _without_denied(found, known, words, values)
        unclear = unclear or bool(excepted and known.intersection(kept))
        wanted += kept
    return _Said(" ".join(wanted), " ".join(excepted), unclear)


def _without_denied(found: list[str], known: set[str], options: list[set[str]], values: ValueWords) -> list[str]:
    """The words of a clause without the options that it denies."""
    denying = values.negations | _NEITHER | {word for word in _TWICE if found.count(word) > 1}
    at = next((at for at, word in enumerate(found) if word in denying), len(found))
    before, after = found[:at], found[at + 1 :]
    if known.intersection(before):  # "large not the small one"; or "el lunes no", which denies it
        return before if at == len(found) or set(after) - values.fillers else []
    end = next((place for place, word in enumerate(after) if word in known), len(after))
    while end < len(after) and after[end] in known:
        same = set().union(*(words for words in options if after[end] in words))
        end += 1
        while end < len(after) and after[end] in same:  # "not Monday morning"
            end += 1
        following = next((place for place in range(end, len(after)) if after[place] not in _SMALL), len(after))
        if not (_JOINING | denying).intersection(after[end : following + 1]):
            break  # "not Monday, Friday", which recognition writes without the comma
        end = next((place for place in range(following, len(after)) if after[place] in known), len(after))
    return [*before, *after[end:]]


def _excepted(text: str, options: Mapping[str, tuple[str, ...]], values: ValueWords) -> set[str]:
    """The options that are meant by the words after "anything but"; empty if that is not clear."""
    if whole := _whole(text, options):
        return whole
    said = set(words_of(text)) - _SMALL
    if some := {option for option, words in _by_word(options).items() if words & said}:
        return some
    counted = _counted(text, list(options), values).value
    return {counted} if counted else set()


def _counted(text: str, options: list[str], values: ValueWords) -> Heard:
    """The option of a place or number, if the caller says nothing else with it."""
    found = [each for each in number_tokens(without_idioms(text, values), values) if each.isalnum()]
    for at in range(len(found)):
        last, size = longest_at(found, at, values.last), longest_at(found, at, values.ordinals.keys())
        if not (last or size) or _meant(found[at + (last or size) :], values, one=True):
            continue
        number = len(options) if last else values.ordinals[" ".join(found[at : at + size])]
        return Heard(options[number - 1]) if number <= len(options) else Heard(invalid=True)
    number = _number_meant(found, values)
    return Heard(options[number - 1]) if 0 < number <= len(options) else Heard()


#: words that deny an option, and may be part of another value
_NEITHER: Final = frozenset(["neither", "ni", "tampoco", "weder", "kein", "keinen", "keine", "nem"])
#: these deny only as a pair: Italian "né … né", but not "ne" or French "ne … que"
_TWICE: Final = frozenset(["ne"])
#: words between denied options: "neither Monday nor Tuesday"
_JOINING: Final = frozenset(
    ["and", "or", "nor", "y", "e", "o", "u", "ni", "und", "oder", "noch", "et", "ou", "ne", "nem", "en", "of"]
)
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
