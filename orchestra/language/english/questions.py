"""What an agent's last words ask of the caller, in English."""

import re
from functools import lru_cache
from typing import Final

from orchestra.language.question_reader import Question, Wanted
from orchestra.language.utterance import split_words

_SENTENCE: Final = re.compile(r"[^.?!]+[.?!]*")
_NUMBER_WORDS: Final = split_words("""
one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
""")
_LENGTH: Final = re.compile(rf"\b(\d{{1,2}}|{'|'.join(_NUMBER_WORDS)})[ -](?:digits?|numbers?|figures?|characters?)\b")
_LAST: Final = re.compile(
    rf"\b(?:first|last|final|other|next) (\d{{1,2}}|{'|'.join(_NUMBER_WORDS)}) (?:digits?|numbers?|letters?)\b"
)
#: how long these numbers are where the agent does not say it: the shortest card is 13 digits, most are 16
_USUAL_LENGTHS: Final = (
    (re.compile(r"\b(?:credit|debit|bank|payment) ?card|card number\b"), 16),
    (re.compile(r"\b(?:tele)?phone number|mobile number|cell number|number to (?:call|reach)|call you back on\b"), 10),
)
_DIGITS: Final = re.compile(
    r"\b(?:numbers?(?! of)|digits?|codes?|pin|passcode|zip|serial|reference|account|policy|extension|licen[cs]e plate|"
    r"registration|order id|id|tracking|iban)\b"
)
_ASKS: Final = re.compile(
    r"\?|\b(?:what|which|tell|give|say|enter|spell|read|repeat|may i have|can i have|could i have|i need|i will need|"
    r"let me have|please)\b"
)
_EMAIL: Final = re.compile(r"\be-?mail\b")
_SPELLING: Final = re.compile(r"\bspell|letter by letter|\bletters?\b")
_ADDRESS: Final = re.compile(r"\baddress|where do you live|\bstreet\b|post ?code|postal code|where should .*deliver")
_BIRTH: Final = re.compile(r"\bdate of birth|birthday|birth date|were you born\b")
_YES_NO: Final = re.compile(
    r"^(?:and |so |but |okay |now |then |well )*(?:is|are|am|was|were|do|does|did|can|could|will|would|shall|should"
    r"|may|might|have|has|had|isn't|aren't|don't|doesn't|didn't|won't|wouldn't|haven't|anything|any|still|ready|sure)\b"
)
_TAG: Final = re.compile(
    r"\b(?:right|correct|okay|ok|yes|no|isn't it|aren't you|don't you|is that so|all right)\W*\?\W*$"
)
_INSTRUCTS: Final = re.compile(
    r"\b(?:can|could|would|will) you (?:please )?(?:tell|give|say|describe|explain|spell|repeat|read|enter)\b"
    r"|\b(?:may|can|could) i (?:please )?(?:have|get|ask)\b"
)


@lru_cache(maxsize=64)
def read_question(text: str) -> Question:
    """What the agent's words ask: their last question, with what follows it, or else the last two sentences."""
    asked = _last_question(text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
    words = frozenset(re.findall(r"[a-z']+|\d+", asked))
    return Question(_wanted(asked), _length(asked), words)


def _last_question(text: str) -> str:
    sentences = [sentence.strip() for sentence in _SENTENCE.findall(text)]
    asking = [index for index, sentence in enumerate(sentences) if sentence.endswith("?")]
    return " ".join(sentences[asking[-1] if asking else -2 :])


def _wanted(asked: str) -> Wanted:
    if not _ASKS.search(asked):
        return Wanted.ANYTHING
    instructs = _INSTRUCTS.search(asked) is not None
    yes_no = "?" in asked and (_TAG.search(asked) is not None or _YES_NO.match(asked) is not None) and not instructs
    if yes_no:
        return Wanted.CHOICE if " or " in asked and " or not" not in asked else Wanted.YES_NO
    kinds = (
        (_EMAIL, Wanted.EMAIL),
        (_SPELLING, Wanted.SPELLING),
        (_BIRTH, Wanted.BIRTH),
        (_ADDRESS, Wanted.ADDRESS),
        (_DIGITS, Wanted.DIGITS),
    )
    found = next((wanted for pattern, wanted in kinds if pattern.search(asked)), None)
    if found is not None:
        return found
    return Wanted.CHOICE if " or " in asked and "?" in asked else Wanted.ANYTHING


def _length(asked: str) -> int | None:
    found = _LAST.search(asked) or _LENGTH.search(asked)
    if found is not None:
        number = found.group(1)
        return int(number) if number.isdigit() else _NUMBER_WORDS.index(number) + 1
    return next((length for pattern, length in _USUAL_LENGTHS if pattern.search(asked)), None)
