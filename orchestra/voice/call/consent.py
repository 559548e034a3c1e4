"""Whether a caller may be recorded: they are told, or asked, before any of their audio is kept.

::

    told    edge     "This call is recorded."  "Hello, how can I help?"
            caller   (is not heard)          | ConsentGiven, by the notice: their audio is kept from here on

    asked   edge     "May we record this call?"          "Hello, how can I help?"
            caller   (is not heard)           "yes"    | ConsentGiven, by words: audio is kept from here on
                                              "no"     | ConsentRefused: none is kept, and the call goes on

Notice and question cannot be interrupted, because the caller is not heard meanwhile. Where they are cut all the same,
by a fault or the death of the edge, or by who takes up a telephone that we have called, they are said again.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import structlog

from orchestra.clock import Clock
from orchestra.history.resume import ResumeState
from orchestra.language.utterance import has_words
from orchestra.language.values import values_of
from orchestra.language.values.tokens import has_phrase
from orchestra.voice.call.actions import Action
from orchestra.voice.call.operated import OperatedConversation
from orchestra.voice.call.script import Script
from orchestra.voice.call.turn_taking import TurnTaking
from orchestra_schemas import CallGreeted, ConsentGiven, ConsentRefused, Event

_LOG = structlog.get_logger("orchestra.voice")

_YES_KEY, _NO_KEY = "1", "2"
#: the question is asked so often; then the caller is not recorded, and served all the same
_TIMES = 2
#: a caller who is silent for this long has not answered, in seconds
_ANSWER_WITHIN_S = 6.0


class Consent:
    """Tells whether a call's audio may be kept, and has its caller told or asked.

    Args:
        call: its id.
        conversation: of the call.
        state: of a call that another edge began; None for a new one.
        publish: puts an event on the journal.
        clock: the time.
        script: of the call, as it is now.

    Attributes:
        mode: as in `CallStarted`, or ``refused``: ``on`` from the moment at which audio is kept.
        since: when the audio began to be kept, in epoch seconds.

    """

    def __init__(
        self,
        call: str,
        conversation: OperatedConversation,
        state: ResumeState | None,
        publish: Callable[[Event], object],
        clock: Clock,
        *,
        script: Callable[[], Script],
    ) -> None:
        self._call = call
        self._script = script
        self._conversation = conversation
        self._publish = publish
        self._clock = clock
        self.mode: str = script().recording_mode
        if state is not None and self.mode != "off":
            self.mode = state.recording
        self.since = 0.0
        self._state = state
        self._begun = False  # the notice or the question was given to the pipeline
        self._asked = 1
        self._quiet_since = clock.monotonic()

    @property
    def asks(self) -> bool:
        """Whether the caller has yet to answer."""
        return self.mode == "asked"

    @property
    def keeps(self) -> bool:
        """Whether audio is kept: that of the caller from `since` on."""
        return self.mode in {"on", "told"}

    def begin(self) -> bool:
        """The first words are to be said. Returns whether they are the question, of this edge or of one before it."""
        self._begun, state = True, self._state
        if not self.asks or (state is not None and (state.turn > 0 or state.held_by)):
            return False
        if state is not None:
            self._conversation.listeners = state.listeners
        return True

    def hears(self) -> bool:
        """Whether the caller is heard: not while the notice or the question is being said.

        Where we have called, a robot may ask at once who it is, and has to be heard.
        """
        if self.mode not in {"told", "asked"}:
            return True
        self.look()
        if (screening := self._conversation.screening) is not None and screening.watching:
            return True
        turns, heard = self._conversation.turns, self._conversation.words_played()
        return self._begun and not turns.is_being_said(self._script().consent, heard)

    def look(self) -> None:
        """See whether the notice was heard, or a caller who was asked remains silent; call this often."""
        turns = self._conversation.turns
        if self.mode == "told" and self._begun and not turns.hanging_up:
            if turns.required_was_heard(self._conversation.words_played()):
                self._give("notice", "")
        elif self.asks:
            self._look_at_silence()

    def turn_ended(self, text: str, turns: TurnTaking, reply_heard: Sequence[str]) -> list[Action] | None:
        """What is done about a turn that may be the answer; None: it is for the agents.

        ``reply_heard`` as in `TurnTaking.turn_ended`.
        """
        question = self._script().consent
        if not self._may_be_answered or not has_words(text):
            return None
        if not turns.was_heard(question, reply_heard):
            return turns.edge_replies(question, reply_heard)  # who takes up a telephone may say "yes?"
        answer = self._answer(text)
        if answer is None:
            if self._asked < _TIMES:
                self._asked += 1
                return turns.edge_replies(question, reply_heard)
            self._refuse("nothing", text)
            return None
        return turns.edge_replies(self._settle(answer, "words", text), reply_heard)

    def press(self, key: str) -> bool:
        """The caller has pressed a key. Returns whether it is their answer."""
        if not self._may_be_answered or key not in {_YES_KEY, _NO_KEY}:
            return False
        self._conversation.replace_reply(self._settle(key == _YES_KEY, "key", key))
        return True

    def take(self, event: ConsentRefused) -> None:
        """Whoever says that the caller refuses, nothing is kept any more."""
        if self.mode not in {"refused", "off"}:
            _LOG.info("call.not_recorded", call=self._call, by=event.by)
            self.mode = "refused"

    @property
    def _may_be_answered(self) -> bool:
        """Whether words and keys may be the answer: not those for an operator, nor a machine's to our last words."""
        return self.asks and not (self._conversation.held_by or self._conversation.turns.hanging_up)

    def _look_at_silence(self) -> None:
        conversation, now = self._conversation, self._clock.monotonic()
        waits = self._begun and not (conversation.caller_speaks or conversation.turns.reply_open)
        if not waits or conversation.held_by or conversation.screened:
            self._quiet_since = now
        elif now - self._quiet_since > _ANSWER_WITHIN_S:
            self._quiet_since = now
            if self._asked < _TIMES:
                self._asked += 1
                conversation.nudge(self._script().consent)
            elif phrase := self._settle(False, "nothing", ""):
                conversation.nudge(phrase)

    def _answer(self, text: str) -> bool | None:
        """Yes or no; None if the words are neither."""
        language = self._conversation.language
        agrees, words = language.agrees(text), values_of(language.code)
        if agrees:
            return True
        if has_phrase(text, words.no):
            return False
        return True if agrees is None and has_phrase(text, words.yes) else None

    def _settle(self, answer: bool, by: Literal["words", "key", "nothing"], heard: str) -> str:
        """The caller has answered. Returns what is said to them now."""
        script = self._script()
        if answer and by != "nothing":
            self._give(by, heard)
            words = script.greeting
        else:
            self._refuse(by, heard)
            words = f"{script.not_recorded} {script.greeting}".strip()
        if words:
            self._publish(CallGreeted(call=self._call, greeting=words, language=script.language))
        return words

    def _give(self, by: Literal["notice", "words", "key"], heard: str) -> None:
        self.mode, self.since = "on", self._clock.time()
        self._publish(ConsentGiven(call=self._call, by=by, heard=heard))

    def _refuse(self, by: Literal["words", "key", "nothing"], heard: str) -> None:
        self.mode = "refused"
        self._publish(ConsentRefused(call=self._call, by=by, heard=heard))
