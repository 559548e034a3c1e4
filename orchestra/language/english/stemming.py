"""Stems of English words without function words, and the most likely term for a misrecognized word.

Speech recognition on telephone audio writes "parsel", "partial" or "puzzle" when the caller said "parcel". An unknown
term is therefore compared with the known ones, by sound and by spelling.
"""

import re
from collections.abc import Collection
from functools import lru_cache

from orchestra.language.terms import one_edit

_WORD = re.compile(r"[a-z0-9]+")
_SMALL = frozenset(
    _WORD.findall("""
    a able about ah all allowed also am an and any anything are as at be been being but by can could did do does
    doing done dont eh er for from get give go going gonna got had has have having he hello help her hey hi him
    his how i if im in into is it its ive id just know let lets like look many may maybe me might mine much my
    need no not now of oh ok okay on one or our out please really right said say she should so some someone
    somebody something sorry sure tell than thank thanks that thats the their them then there these they thing
    things this those to today too uh uhm um up us very want was way we well were what whats when whens which
    while who whom why will with wont would yeah yes yet you your yours youre
    """)
)
_IRREGULAR = {
    "wheres": "where", "lost": "lose", "losing": "lose", "broke": "break", "broken": "break",
    "sent": "send", "paid": "pay", "took": "take", "taken": "take", "found": "find", "came": "come", "left": "leave",
    "brought": "bring", "bought": "buy", "stole": "steal", "stolen": "steal", "shut": "close", "people": "person",
    "package": "parcel",
}  # fmt: skip
_SPELLINGS = (("[tc]i(?=[aou])", "s"), ("c(?=[eiy])|ch|sh", "s"), ("ph", "f"), ("(?<=.)(gh|h|w)", ""))
#: not forms of "miss" and "new"
_WHOLE = frozenset({"missing", "news"})
_VOICED = str.maketrans({"b": "p", "d": "t", "g": "k", "v": "f", "z": "s", "j": "s", "q": "k", "y": "i"})
_SHORT_FORMS = {
    "whats": "what is", "wheres": "where is", "whens": "when is", "hows": "how is", "whos": "who is", "im": "i am",
    "id": "i would", "ive": "i have", "ill": "i will", "dont": "do not", "cant": "can not", "cannot": "can not",
    "its": "it is", "thats": "that is", "youre": "you are", "wont": "will not", "isnt": "is not", "doesnt": "does not",
}  # fmt: skip
#: words at the beginning or end of an utterance that do not change its meaning
_POLITE = frozenset(
    _WORD.findall("""
    hello hi hey good morning afternoon evening day please thanks thank you so well oh ah uh um uhm ok okay yes yeah
    and now
    """)
)
_MIN_WORD = 4
_MIN_SPELLED = 5
_SAME_ROOT, _SAME_SOUND, _ONE_LETTER, _NEAR_SOUND = 0.8, 0.8, 0.7, 0.4
_LONGEST_ENDING = 4


def words(text: str) -> list[str]:
    """The words of a text in lower case: ``Where's my parcel?`` → ``wheres my parcel``."""
    return _WORD.findall(text.lower().replace("'", "").replace("\N{RIGHT SINGLE QUOTATION MARK}", ""))


def strip_pleasantries(text: str) -> str:
    """An utterance without polite words around it, and with short forms spelled out.

    ``Hello, what's my balance, please?`` → ``what is my balance``: different wordings of a request become equal.
    """
    said = [part for word in words(text) for part in _SHORT_FORMS.get(word, word).split()]
    while said and said[0] in _POLITE:
        said.pop(0)
    while said and said[-1] in _POLITE:
        said.pop()
    return " ".join(said)


def terms(text: str) -> list[str]:
    """The stems of the words that carry meaning, in order."""
    return [stem(word) for word in words(text) if word not in _SMALL]


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """A word without its ending: ``deliveries``, ``delivered``, ``delivery`` → ``deliver``."""
    word = _IRREGULAR.get(word, word)
    if len(word) < _MIN_WORD or word.isdigit() or word in _WHOLE:
        return word
    for ending, rest in (("ies", "y"), ("sses", "ss"), ("s", "")):
        if word.endswith(ending) and not word.endswith(("ss", "us", "is")):
            word = word.removesuffix(ending) + rest
            break
    for ending in ("ing", "ed"):
        base = word.removesuffix(ending)
        if base != word and len(base) > 2 and re.search("[aeiouy]", base):  # noqa: PLR2004 - "ring" is not "r" + "ing"
            word = base[:-1] if base[-1] == base[-2] and base[-1] not in "ls" else base
            break
    word = re.sub("our$", "or", word) if len(word) > _MIN_SPELLED else word  # neighbour, neighbor
    return _without_last_vowel(_IRREGULAR.get(word, word))


def _without_last_vowel(word: str) -> str:
    return word[:-1] if len(word) > _MIN_WORD - 1 and word[-1] in "ey" else word


@lru_cache(maxsize=8192)
def phonetic_key(word: str) -> str:
    """The consonants of a word as they sound on the telephone: voiced and voiceless, s and sh are the same.

    ``parcel``, ``parsel`` and ``partial`` are all ``prsl``.
    """
    for pattern, to in _SPELLINGS:
        word = re.sub(pattern, to, word)
    word = word.replace("x", "ks").replace("c", "k").translate(_VOICED)
    key = word[0] + re.sub("[aeiou]", "", word[1:]) if word else ""
    return re.sub(r"(.)\1+", r"\1", key)


def closest_term(term: str, known: Collection[str]) -> tuple[str, float]:
    """The known term that an unknown one was most likely meant to be.

    Args:
        term: a stem, as `terms` gives it.
        known: the stems there are.

    Returns:
        The term and how sure that is, 0 to 1: ``(term, 1.0)`` if it is known, ``(term, 0.0)`` if nothing is like it.

    """
    if term in known:
        return term, 1.0
    if len(term) < _MIN_WORD or term.isdigit():
        return term, 0.0
    best, likeness = term, 0.0
    for other in known:
        alike = _alike(term, other)
        if alike > likeness or (alike == likeness and alike and other < best):
            best, likeness = other, alike
    return best, likeness


@lru_cache(maxsize=65536)
def _alike(term: str, other: str) -> float:
    """How likely two different terms are the same word: by root, sound, one wrong letter, or a similar sound."""
    if len(other) < _MIN_WORD or other.isdigit() or abs(len(term) - len(other)) > _LONGEST_ENDING:
        return 0.0
    if min(len(term), len(other)) >= _MIN_SPELLED and (term.startswith(other) or other.startswith(term)):
        return _SAME_ROOT
    ours, theirs = phonetic_key(term), phonetic_key(other)
    longer = abs(len(term) - len(other))
    if ours == theirs and len(ours) > 2 and longer <= 2:  # noqa: PLR2004 - two consonants are in too many words
        return _SAME_SOUND
    if min(len(term), len(other)) >= _MIN_SPELLED and one_edit(term, other):
        return _ONE_LETTER
    if ours[:1] == theirs[:1] and max(len(ours), len(theirs)) >= _MIN_WORD and longer <= 1 and one_edit(ours, theirs):
        return _NEAR_SOUND
    return 0.0
