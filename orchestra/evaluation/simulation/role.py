"""What a caller does not do: the checks that throw out a run whose caller strayed from the role.

A model that plays a caller may refuse, take the agent's part, go in circles or write something that nobody says on the
telephone. Such a run says nothing about the agents, neither good nor bad (after the validators of EVA,
https://github.com/ServiceNow/eva). Pure.
"""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from orchestra.evaluation.simulation.is_said import as_compared, is_said
from orchestra.evaluation.simulation.persona import CallerTurn, Spoken
from orchestra.evaluation.simulation.scenario import Scenario

_MOST_WORDS = 120
#: the same words so often, to different replies, are a loop
_LOOPS = 3
#: a reply of so many words that comes back nearly whole is an echo of the agents'
_ECHO_WORDS, _ECHO = 6, 0.9
_KEYS = re.compile(r"[0-9*#]{0,64}", re.ASCII)
_SHOWN = 80

_MODEL = re.compile(
    r"\b(?:as an? (?:ai|artificial|language model)|(?:i am|i'm) an? (?:ai|language model|virtual assistant)"
    r"|als ki\b|sprachmodell|como (?:una? )?ia\b|modelo de lenguaje|modelo de linguagem|en tant qu'ia\b"
    r"|mod[eè]le de langage|come ia\b|modello linguistico|als ai\b|taalmodel)",
    re.IGNORECASE,
)
_REFUSES = re.compile(
    r"\bi(?: am|'m)? (?:sorry,? (?:but )?i )?(?:can't|cannot|can not|won't|will not|unable to|not able to) "
    r"(?:assist|comply|fulfil?l|participate|role-?play|pretend|generate|create|continue with (?:this|that))\b",
    re.IGNORECASE,
)
_AGENT = re.compile(
    r"\b(?:how|what) (?:can|may) i (?:help|assist|do for) you|\bthank you for calling\b"
    r"|\bis there anything else i can (?:help|assist|do)|\bwie kann ich (?:ihnen|dir)\b.{0,20}\b(?:helfen|behilflich)"
    r"|\ben qué puedo ayudar|\b(?:en quoi|comment) puis-je vous aider|\bcome posso aiutar"
    r"|\b(?:hoe|waarmee) kan ik (?:u|je) (?:helpen|van dienst)|\bcomo posso (?:ajudar|ajudá)",
    re.IGNORECASE,
)
_SPEAKER = re.compile(r"^\W*(?:agent|assistant|system|ai|bot|user|caller|customer)\W*:", re.IGNORECASE | re.MULTILINE)
_MARKUP = re.compile(r"```|<\|?/?[a-z_]+\|?>|^\s*[{\[]\s*\"|\bfunction_call\b|�|[\x00-\x08\x0b-\x1f]", re.IGNORECASE)


def strayed(scenario: Scenario, conversation: Sequence[Spoken], turn: CallerTurn, language: str = "en") -> str:
    """How the caller leaves their role with this turn; empty: they do not.

    Args:
        scenario: their role.
        conversation: what was said before.
        turn: what they do now.
        language: that they speak (BCP 47).

    """
    text = turn.text
    if not _KEYS.fullmatch(turn.keys):
        return f"the caller presses keys that no telephone has: {_quoted(turn.keys)}"
    if not text:
        return "" if turn.keys or turn.hang_up else "the caller neither says nor does anything"
    return (
        _unspeakable(text)
        or _other_part(conversation, text)
        or _loop(scenario, conversation, text, language)
        or _knows(scenario, conversation, text, language)
    )


def _unspeakable(text: str) -> str:
    if _MARKUP.search(text) or not any(sign.isalnum() for sign in text):
        return f"the caller says what cannot be said: {_quoted(text)}"
    if len(text.split()) > _MOST_WORDS:
        return f"the caller makes a speech of {len(text.split())} words: {_quoted(text)}"
    return ""


def _other_part(conversation: Sequence[Spoken], text: str) -> str:
    plain = text.replace("’", "'")
    if _MODEL.search(plain) or _REFUSES.search(plain):
        return f"the caller refuses to play: {_quoted(text)}"
    if _AGENT.search(plain) or _SPEAKER.search(plain):
        return f"the caller plays the agent: {_quoted(text)}"
    own = as_compared(text).split()
    for spoken in conversation:
        theirs = as_compared(spoken.text).split() if spoken.who == "agent" else []
        if len(theirs) >= _ECHO_WORDS and len(own) >= _ECHO_WORDS:
            likeness = SequenceMatcher(None, own, theirs, autojunk=False)
            if likeness.quick_ratio() >= _ECHO and likeness.ratio() >= _ECHO:
                return f"the caller says the agent's words: {_quoted(text)}"
    return ""


def _loop(scenario: Scenario, conversation: Sequence[Spoken], text: str, language: str) -> str:
    """Words that come again and again, whatever the agents say; who is asked the same may answer the same."""
    if any(is_said(fact, text, language) for fact in scenario.facts.values()):
        return ""
    own, heard, answered = as_compared(text), "", list[str]()
    for spoken in (*conversation, Spoken(who="caller", text=text, turn=0)):
        if spoken.who == "agent":
            heard = as_compared(spoken.text)
        elif as_compared(spoken.text) == own:
            answered.append(heard)
    looped = len(set(answered)) >= _LOOPS
    return f"the caller says the same again and again: {_quoted(text)}" if looped else ""


def _knows(scenario: Scenario, conversation: Sequence[Spoken], text: str, language: str) -> str:
    for secret in scenario.must_not_know:
        told = any(spoken.who == "agent" and is_said(secret, spoken.text, language) for spoken in conversation)
        if is_said(secret, text, language) and not told:
            return f"the caller says what they must not know, {secret!r}: {_quoted(text)}"
    return ""


def _quoted(text: str) -> str:
    flat = " ".join(text.split())
    return repr(flat if len(flat) <= _SHOWN else f"{flat[:_SHOWN]}…")
