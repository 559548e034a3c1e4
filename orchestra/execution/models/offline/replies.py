"""The offline model's sentences: results of tools, passages of the knowledge, and a few standard sentences."""

import json
import re
from collections.abc import Sequence

from orchestra.agents.transfer_tool import PERSON
from orchestra.execution.models.offline.dialogue import Dialogue, Step
from orchestra.language import Language
from orchestra.language.english import LANGUAGE as ENGLISH

ANYTHING_ELSE = "Is there anything else I can do for you?"
APOLOGY = "I am sorry, I could not do that just now."
UNSURE = "I am not sure whether that has worked. A person will check it."
FAREWELL = "Thank you for calling. Good-bye."
CONNECTING = "I am connecting you to a person now. Please stay on the line."
DECLINE = "I am sorry, I cannot help you with that."
CONNECTING_ON = "I am connecting you now. Please stay on the line."
NO_ONE_THERE = "I am sorry, I cannot connect you just now."
NO_PERSON = "I am sorry, I cannot connect you to a person."
HELLO = "Hello. How can I help you?"
WELCOME = f"You are welcome. {ANYTHING_ELSE}"
ALL_RIGHT = f"All right. {ANYTHING_ELSE}"
WHAT_ELSE = "Of course. What else can I do for you?"
TAKE_YOUR_TIME = "Of course, take your time."
MACHINE = "I am an automated assistant. I can connect you to a person if you like."
MACHINE_ALONE = "I am an automated assistant. How can I help you?"
CANNOT_WITHOUT = "That is all right, but I cannot do it without that. Shall I connect you to a person?"
SAY_MORE = "I am sorry, I did not understand that. What can I do for you?"
NOT_CAUGHT = "I am sorry, I did not get that."
GIVEN_UP = f"I am sorry, I cannot do it without that. {ANYTHING_ELSE}"
OFFER_PERSON = "I am sorry, I still did not get that. Shall I connect you to a person?"

#: the end of a reply that the caller spoke over
CUT_OFF = "\N{EM DASH}"

_SENTENCE = re.compile(r"[^.!?]+(?:[.!?](?!\s|$)[^.!?]*)*[.!?]*")
_LONG_NUMBER = re.compile(r"(?<![\d.,:/-])\d{4,}(?![\d.,:/-]?\d)")
_FAILED = re.compile(
    r"^(?:error|failed|wrong arguments|there is no tool|this came too late|the caller spoke before)\b"
    r"|^\w+ (?:failed:|took longer)|\btraceback\b",
    re.IGNORECASE,
)
_UNSURE = re.compile(r"^it is not known whether", re.IGNORECASE)
_DECLINES = re.compile(
    r"nothing to do with.*?[\"\u201c](.+?)[\"\u201d]|out of scope.*?[\"\u201c](.+?)[\"\u201d]",
    re.IGNORECASE | re.DOTALL,
)
_UNREACHED = re.compile(r"nothing was done|nobody called")
_NOTHING = re.compile(r"^(nothing|no (passage|page|result|match))\b", re.IGNORECASE)
_MAX_SENTENCES, _MAX_WORDS = 3, 55


def after(dialogue: Dialogue, step: Step) -> str:
    """The reply after a tool's result.

    A tool's result is said as it is, at most three sentences; of the knowledge, the passage with most of the caller's
    words.
    """
    result = (step.result or "").strip()
    if step.call.name == "end_call":
        return FAREWELL
    if step.call.name == "transfer_call":
        return _after_transfer(step, result)
    if step.call.name == "search_knowledge":
        return from_knowledge(query_of(step) or dialogue.now.said, result) or decline(dialogue)
    if _UNSURE.search(result):
        return UNSURE
    if not result or _FAILED.search(result):
        return f"{APOLOGY} {ANYTHING_ELSE}"
    said = spell_numbers(brief(sentences(_as_text(result))))
    return said if said.endswith("?") or _asks_back(said) else f"{said} {ANYTHING_ELSE}"


def _after_transfer(step: Step, result: str) -> str:
    if _UNREACHED.search(result):
        return NO_ONE_THERE
    return CONNECTING if _argument(step, "to", PERSON) == PERSON else CONNECTING_ON


def decline(dialogue: Dialogue) -> str:
    """The reply to a wish that this agent cannot help with: the app's own sentence, if its prompt gives one.

    A prompt gives it in quotation marks, after "out of scope" or "nothing to do with".
    """
    own = _DECLINES.search(dialogue.instructions)
    return next(filter(None, own.groups()), DECLINE) if own else DECLINE


def has_failed(result: str) -> bool:
    """Whether a tool's result is the platform's word for a failure."""
    return bool(_FAILED.search(result) or _UNSURE.search(result))


def from_knowledge(query: str, result: str, language: Language = ENGLISH) -> str:
    """The answer in the passages of a search, empty if they do not answer.

    Args:
        query: the query of the search.
        result: the passages, title and text on separate lines, an empty line between passages.
        language: of query and passages.

    """
    if not result or _NOTHING.search(result):
        return ""
    asked = list(dict.fromkeys(language.terms(query)))
    best, most = "", -1.0
    for position, passage in enumerate(re.split(r"\n\s*\n", result)):
        title, _, text = passage.partition("\n")
        shared = _shared(asked, f"{title} {text}", language) + _shared(asked, title, language) - 0.5 * position
        if shared > most:
            best, most = (text or title), shared
    return spell_numbers(brief(_from_nearest(asked, sentences(best), language)))


def query_of(step: Step) -> str:
    """The query of a search."""
    return _argument(step, "query", "")


def _argument(step: Step, name: str, otherwise: str) -> str:
    try:
        return str(json.loads(step.call.arguments).get(name, otherwise))
    except (json.JSONDecodeError, AttributeError):
        return otherwise


def sentences(text: str) -> list[str]:
    """The sentences of a text, each with its own mark."""
    return [part.strip() for part in _SENTENCE.findall(" ".join(text.split())) if part.strip()]


def brief(parts: Sequence[str]) -> str:
    """The first sentences, as many as people like to hear at once; at least one."""
    said: list[str] = []
    for part in parts[:_MAX_SENTENCES]:
        if said and len(" ".join([*said, part]).split()) > _MAX_WORDS:
            break
        said.append(part)
    return " ".join(said)


def spell_numbers(text: str) -> str:
    """Spaces the digits of numbers of four or more digits: ``4271`` → ``4 2 7 1``. Times and prices are kept."""
    return _LONG_NUMBER.sub(lambda match: " ".join(match[0]), text)


def _from_nearest(asked: Sequence[str], parts: list[str], language: Language) -> list[str]:
    """The sentences from the one that answers: the first, unless a later one shares clearly more words."""
    if not parts:
        return parts
    shares = [_shared(asked, part, language) for part in parts]
    best = max(range(len(parts)), key=lambda index: shares[index])
    return parts[best:] if shares[best] > shares[0] + 1 else parts


def _shared(asked: Sequence[str], text: str, language: Language) -> float:
    known = frozenset(language.terms(text))
    return sum(language.closest_term(term, known)[1] for term in asked)


def _asks_back(said: str) -> bool:
    return bool(re.search(r"\b(please|tell me)\b", sentences(said)[-1].lower()))


def _as_text(result: str) -> str:
    """A JSON object as "name: value" sentences, everything else as it is."""
    try:
        data = json.loads(result)
    except json.JSONDecodeError:
        return result
    if not isinstance(data, dict):
        return result
    return " ".join(
        f"{name.replace('_', ' ')}: {value}.".capitalize() for name, value in data.items() if value is not None
    )
