"""When a call is to end although nobody has hung up: it takes too long, or nobody is there any more."""

from orchestra.clock import Clock
from orchestra.voice.call.operated import OperatedConversation
from orchestra.voice.call.script import Script
from orchestra_schemas.calls import EndReason

#: a person whose telephone asks first decides within this, in seconds; meanwhile nobody is asked anything
_SCREENED_WITHIN_S = 60.0
#: once no engine speaks, only cached phrases can; their audio is there within this, in seconds
_LAST_WORDS_WITHIN_S = 0.3


class CallLimits:
    """The limits of one call, whose script says how long they are.

    Args:
        conversation: the call's, which asks a silent caller whether they are still there.
        clock: the time.
        age_s: of the call so far.

    Attributes:
        on_hold: whether the other party has put the call on hold: nobody hears us.

    """

    def __init__(self, conversation: OperatedConversation, clock: Clock, age_s: float) -> None:
        self.on_hold = False
        self._conversation = conversation
        self._clock = clock
        self._started = clock.monotonic() - age_s
        self._nudged = False
        self._tts_lost = False

    @property
    def age_s(self) -> float:
        """For how many seconds the call has been going on."""
        return self._clock.monotonic() - self._started

    def tts_lost(self) -> None:
        """No engine speaks any more: the call ends once what is cached was said."""
        self._tts_lost = True

    def look(self, script: Script) -> EndReason | None:
        """Why the call is to end now; None: it goes on. Call this often."""
        conversation, now = self._conversation, self._clock.monotonic()
        if self.age_s > script.max_call_s:
            return "time_limit"
        if self._tts_lost and conversation.tts_audio_missing(_LAST_WORDS_WITHIN_S):
            return "failed"
        if self.on_hold or conversation.held_by or conversation.rings_for() or self._caller_at_it:
            conversation.active_at = now
            self._nudged = self._nudged and not conversation.turns.caller_speaks
            return None
        return self._look_at_silence(script, now - conversation.active_at)

    def _look_at_silence(self, script: Script, silent_s: float) -> EndReason | None:
        screened = self._conversation.screened
        if silent_s <= (max(script.caller_silence_s, _SCREENED_WITHIN_S) if screened else script.caller_silence_s):
            return None
        if screened or self._nudged or not script.still_there:
            return "silence"
        self._nudged = True
        self._conversation.nudge(script.still_there)
        return None

    @property
    def _caller_at_it(self) -> bool:
        """Whether the caller speaks, or waits for an answer."""
        conversation = self._conversation
        return conversation.turns.caller_speaks or conversation.voice_on or conversation.caller_waiting
