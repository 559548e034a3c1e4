"""What a page may ask to be done to a call: the bodies of its requests, checked at the door."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec
from fastapi import HTTPException

from orchestra.lines.dialled import is_target

#: made by the page for each act, so that it can ask again when it got no answer
_Id = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z-]{8,64}$")]
_LONGEST_SENTENCE, _LONGEST_NOTE, _LONGEST_REASON = 1000, 4000, 500
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class Say(msgspec.Struct, forbid_unknown_fields=True):
    """Say this to the caller, in the voice of the agent."""

    request: _Id
    text: str


class Whisper(msgspec.Struct, forbid_unknown_fields=True):
    """Tell the agent this, for its next turn."""

    request: _Id
    note: str


class HandBack(msgspec.Struct, forbid_unknown_fields=True):
    """Let the agents speak again. ``note`` says what was agreed; it has to be there, and may be empty."""

    request: _Id
    note: str


class Transfer(msgspec.Struct, forbid_unknown_fields=True):
    """Give the call to a person (``target``: a number or a SIP address), an ``agent`` or an ``app``: one of them."""

    request: _Id
    target: str = ""
    agent: str = ""
    app: str = ""
    briefing: str = ""


class End(msgspec.Struct, forbid_unknown_fields=True):
    """End the call."""

    request: _Id
    reason: str = ""


def sentence(text: str) -> str:
    """What an agent can say.

    Raises:
        HTTPException: 400, it is empty or too long.

    """
    return _needed(text, "say something: the text is empty", _LONGEST_SENTENCE)


def whispered(note: str) -> str:
    """A note for an agent.

    Raises:
        HTTPException: 400, it is empty or too long.

    """
    return _needed(note, "write something: the note is empty", _LONGEST_NOTE)


def optional(text: str, longest: int = _LONGEST_NOTE) -> str:
    """A note that may be empty.

    Raises:
        HTTPException: 400, it is too long.

    """
    cleaned = _CONTROL.sub(" ", text).strip()
    if len(cleaned) > longest:
        raise HTTPException(400, f"{len(cleaned)} characters are too many: at most {longest} are possible")
    return cleaned


def reason(text: str) -> str:
    """Why a call is ended.

    Raises:
        HTTPException: 400, it is too long.

    """
    return optional(text, _LONGEST_REASON)


def goes_to_person(asked: Transfer) -> bool:
    """Whether the call goes to a person.

    Raises:
        HTTPException: 400, it goes to several, or to nobody.

    """
    if sum(bool(each) for each in (asked.target, asked.agent, asked.app)) > 1:
        raise HTTPException(400, "transfer to one of them: a person, an agent or an app")
    return not asked.agent and not asked.app


def check_target(asked: Transfer, app: str, agents: Mapping[str, Sequence[str]]) -> None:
    """See that a call of this app can go to the agent or the app: ``agents`` has those of every app, by its name.

    Raises:
        HTTPException: 400, it cannot.

    """
    if asked.agent and asked.agent not in agents.get(app, ()):
        raise HTTPException(400, f"the app {app!r} has no agent {asked.agent!r}")
    if asked.app and (asked.app == app or asked.app not in agents):
        raise HTTPException(400, f"there is no other app {asked.app!r}")


def person(target: str) -> str:
    """Where a person can be reached.

    Raises:
        HTTPException: 400, nobody can be reached there.

    """
    cleaned = target.strip()
    if len(cleaned) > _LONGEST_REASON or not is_target(cleaned):
        raise HTTPException(400, "write a number with + and its country's code, as in +15550100, or sip:name@host")
    return cleaned


def _needed(text: str, problem: str, longest: int) -> str:
    cleaned = optional(text, longest)
    if not cleaned:
        raise HTTPException(400, problem)
    return cleaned
