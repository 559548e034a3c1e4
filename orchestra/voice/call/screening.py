"""Call screening: a robot answers the telephone, and asks who is calling and why, before its owner decides.

::

    robot    "… record your name and reason for calling"         "Thanks. Stay on the line."       (a person) "Hello?"
    edge                                     the introduction                         (waits)               the greeting
    journal                                  asked                                    waiting               accepted

The robot's words are no turns: the agents are asked only once a person speaks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from orchestra.history.ending import HangUp
from orchestra.history.resume import ResumeState
from orchestra.language import DEFAULT_LANGUAGE, Language
from orchestra.language.utterance import has_words
from orchestra.voice.call.actions import Action
from orchestra.voice.call.script import Script
from orchestra.voice.call.turn_taking import TurnTaking
from orchestra_schemas.calls import ScreeningStatus

#: a robot has spoken by then: whoever speaks later is a person
_FIRST_TURNS = 3
#: a robot that has asked so often does not understand us
_MOST_ANSWERS = 3


class EdgeQuestion(Protocol):
    """What the edge itself asks a caller, before any agent does."""

    @property
    def asks(self) -> bool:
        """Whether the caller has yet to answer."""

    def turn_ended(self, text: str, turns: TurnTaking, reply_heard: Sequence[str]) -> list[Action] | None:
        """What is done about a turn that may be the answer; None: it is for the agents."""


@dataclass(slots=True)
class CallScreening:
    """Tells a robot that screens a call we placed from a person, and says what it is answered.

    Attributes:
        introduction: who calls and why.
        greeting: said to a person who takes the call and says no more than hello.
        consent: a person has to hear it, whatever a robot has heard.
        report: called with what has happened, and the words that told it.
        take_message: called when it is an answering machine.
        status: what was last reported; empty: nothing.

    """

    introduction: str
    greeting: str
    consent: str
    report: Callable[[ScreeningStatus, str], object]
    take_message: Callable[[str], object]
    status: ScreeningStatus | str = ""
    language: Language = DEFAULT_LANGUAGE
    watching: bool = True
    _turns: int = 0
    _answers: int = 0

    @classmethod
    def of(
        cls,
        script: Script,
        state: ResumeState | None,
        *,
        report: Callable[[ScreeningStatus, str], object],
        take_message: Callable[[str], object],
    ) -> "CallScreening":
        """The screening of a call with this script; ``state`` of one that another edge began."""
        asked = script.recording_mode == "asked"  # then the question is what a person hears first
        return cls(
            introduction=script.introduction or script.greeting,
            greeting=script.consent if asked else script.greeting,
            consent="" if asked else script.consent,
            report=report,
            take_message=take_message,
            status="" if state is None else state.screening,
            watching=state is None or state.screening in {"", "asked", "waiting"},
        )

    @property
    def screened(self) -> bool:
        """Whether a robot is, or was last, on the line."""
        return self.watching and self.status in {"asked", "waiting"}

    def is_robot(self, text: str) -> bool:
        """Whether these words are a robot's: then nothing that answers a person is to be prepared."""
        return self.watching and self.language.screening_cue(text, screened=self.screened) is not None

    def turn_ended(self, text: str, turns: TurnTaking, reply_heard: Sequence[str]) -> list[Action] | None:
        """What is done about a turn that may be a robot's; None: it is a person's, for the agents.

        ``reply_heard`` as in `TurnTaking.turn_ended`.
        """
        if not self.watching or not has_words(text):
            return None
        cue = self.language.screening_cue(text, screened=self.screened)
        if cue is None:
            return self._person_spoke(text, turns, reply_heard)
        if cue == "takes_message":
            self.watching = False
            actions = turns.edge_replies("", reply_heard)
            self.take_message(text)
            return actions
        if cue == "waits":
            self._report("waiting", text)
            return turns.edge_replies("", reply_heard)
        self._answers += 1
        if cue == "declines" or self._answers > _MOST_ANSWERS:
            self._report("declined", text)
            self.watching = False
            return [*turns.edge_replies("", reply_heard), HangUp()]
        self._report("asked", text)
        return turns.edge_replies(self.introduction, reply_heard)

    def _person_spoke(self, text: str, turns: TurnTaking, reply_heard: Sequence[str]) -> list[Action] | None:
        self._turns += 1
        if not self.screened:
            self.watching = self._turns < _FIRST_TURNS
            return None
        self._report("accepted", text)
        self.watching = False
        turns.require_heard(self.consent)
        return turns.edge_replies(self.greeting, reply_heard) if self.language.only_greets(text) else None

    def _report(self, status: ScreeningStatus, text: str) -> None:
        self.status = status
        self.report(status, text)
