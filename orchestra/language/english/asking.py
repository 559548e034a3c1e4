"""Whether words ask something by their order, whatever mark a speech engine puts after them, in English."""

import re
from typing import Final

_LEADS_IN: Final = r"(?:(?:and|but|so|or|well|okay|ok|yes|yeah|no|oh|um|uh|hi|hello|hey|sorry|excuse me),? )*"
_PERSON: Final = r"(?:i|you|we|they|he|she|it|there|this|that|these|those)"
_SUBJECT: Final = rf"(?:{_PERSON}|the|my|your|our|his|her|their|an?|all|any|some|no|every)(?:one|body|thing)?"
_INVERTED: Final = (
    rf"(?:(?:is|are|am|was|were|do|does|did|can|could|will|would|shall|should|may|might)(?:n't)? {_SUBJECT}"
    rf"|(?:have|has|had)(?:n't)? {_PERSON})\b"
)
#: "what is", "how much does"; not "what I need", "when the depot opens"
_ASKS_FOR: Final = rf"(?:what|which|whose|who|where|when|why|how)(?:'s|'re|'d|'ll)?\b(?! (?:{_SUBJECT})\b)(?:.*\w)?"
_SENTENCE: Final = re.compile(r"[^.?!]*\w[^.?!]*[.?!\s]*$")
_ASKING: Final = re.compile(rf"\s*{_LEADS_IN}(?:{_INVERTED}|{_ASKS_FOR})")
_INVERTED_ONLY: Final = re.compile(rf"\s*{_LEADS_IN}{_INVERTED}")


def last_sentence(text: str) -> str:
    """The last sentence of ``text``, as its marks have it."""
    found = _SENTENCE.search(text)
    return found.group() if found else text


def is_asking(text: str) -> bool:
    """Whether the last sentence of ``text`` (lower case) is a question by the order of its words."""
    return _ASKING.match(last_sentence(text)) is not None


def asks_yes_or_no(text: str) -> bool:
    """Whether the last sentence begins with a verb and its subject: "can I", "is there"."""
    return _INVERTED_ONLY.match(last_sentence(text)) is not None
