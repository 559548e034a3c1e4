"""The latency of a turn by stage, from the end of the caller's speech to the first sound of the reply."""

from dataclasses import dataclass
from typing import Literal

from orchestra_schemas import TurnMeasured


@dataclass(slots=True)
class TurnTimestamps:
    """When each stage of one turn ended, in epoch seconds; 0 if it has not yet.

    ::

        speech_ended  transcribed  turn_ended  prompted  (token)  sentence  speech  sent
             |-------------|-----------|----------|---------|--------|--------|------|
             |--- stt_ms --|           | routing  |  first  | first  |  tts   | out- |
             |---- turn_end_ms --------|   _ms    |token_ms |sentence|  _ms   | put  |

    ``first_token_ms`` is a duration, measured by the model's server. Work that was done while the end of the turn was
    only predicted costs the caller no time: its stages count from the end of the turn.

    ``predicted`` is when this end of the turn was predicted, ``held`` when speech of the reply was ready and held; 0 if
    that did not happen. ``wasted`` counts the predictions before it that were wrong.
    """

    speech_ended: float
    turn_ended: float
    transcribed: float = 0.0
    prompted: float = 0.0
    first_token_ms: float = 0.0
    sentence: float = 0.0
    speech: float = 0.0
    sent: float = 0.0
    predicted: float = 0.0
    held: float = 0.0
    wasted: int = 0

    @property
    def ready(self) -> Literal["nothing", "prompt", "sentence", "speech"]:
        """What there was of the reply when the turn ended."""
        made: tuple[tuple[Literal["speech", "sentence", "prompt"], float], ...] = (
            ("speech", self.held),
            ("sentence", self.sentence),
            ("prompt", self.prompted),
        )
        return next((name for name, at in made if self.predicted and 0 < at <= self.turn_ended), "nothing")

    def to_event(self, call: str, turn: int) -> TurnMeasured | None:
        """The event, or None if no sound of the reply was sent."""
        if not self.sent:
            return None
        prompted = max(self.prompted, self.turn_ended)  # the edge's own phrases have no prompt
        first_token = (self.prompted or self.turn_ended) + self.first_token_ms / 1000
        sentence = max(self.sentence, self.turn_ended)
        turn_end_ms = _between(self.speech_ended, self.turn_ended)
        return TurnMeasured(
            call=call,
            turn=turn,
            turn_end_ms=turn_end_ms,
            stt_ms=min(turn_end_ms, _between(self.speech_ended, self.transcribed)) if self.transcribed else 0.0,
            routing_ms=_between(self.turn_ended, prompted),
            first_token_ms=min(round(self.first_token_ms, 1), _between(prompted, first_token)),
            first_sentence_ms=_between(max(prompted, first_token), sentence),
            tts_ms=_between(sentence, self.speech),
            output_ms=_between(self.speech, self.sent),
            total_ms=_between(self.speech_ended, self.sent),
            ready=self.ready,
            predicted_ms=_between(self.predicted, self.turn_ended) if self.predicted else 0.0,
            wasted_predictions=self.wasted,
        )


class LatencyMeter:
    """Notes when each stage of the current turn ended, and makes its `TurnMeasured`. Moments are epoch seconds.

    Attributes:
        times: of the current turn.
        unmeasured_turn: the last turn whose latency cannot be measured, since another edge or the edge itself began the
            reply.

    """

    def __init__(self) -> None:
        self.unmeasured_turn = 0
        self.times = TurnTimestamps(0.0, 0.0)
        self._wasted_predictions = 0  # since the last turn ended
        self._reply_from_ms = 0.0

    def restore(self, speech_ended: float, turn_ended: float, *, predicted: bool = False) -> None:
        """Go on with a turn that another edge began; ``predicted``: its end was only predicted."""
        self.times = TurnTimestamps(speech_ended, turn_ended, predicted=turn_ended if predicted else 0.0)

    def turn_predicted(self, at: float, *, speech_ended: float, transcribed: float) -> None:
        """The end of a turn is predicted; its reply is made from now on."""
        self.times = TurnTimestamps(speech_ended, at, transcribed=transcribed, predicted=at)

    def prediction_wasted(self) -> None:
        """The turn whose end was predicted goes on."""
        self._wasted_predictions += 1

    def turn_ended(self, at: float, *, speech_ended: float, transcribed: float, predicted: bool) -> None:
        """A turn is over; ``predicted``: as was predicted, so that its reply is being made already."""
        if predicted:
            self.times.speech_ended, self.times.turn_ended, self.times.transcribed = speech_ended, at, transcribed
        else:
            self.times = TurnTimestamps(speech_ended, at, transcribed=transcribed)
        self.times.wasted, self._wasted_predictions = self._wasted_predictions, 0

    def prompted(self, at: float) -> None:
        """A model was asked for the reply; the first time counts, as everywhere below."""
        self.times.prompted = self.times.prompted or at

    def sentence_came(self, at: float, first_token_ms: float) -> None:
        """The agents have said a sentence."""
        if not self.times.sentence:
            self.times.sentence, self.times.first_token_ms = at, first_token_ms

    def speech_held(self, at: float) -> None:
        """Speech is there that may not be heard yet."""
        self.times.held = self.times.held or at

    def speech_came(self, at: float, queued_ms: float) -> None:
        """The TTS engine has sent audio, which is queued after so many milliseconds of other audio."""
        if self.times.sentence and not self.times.speech:
            self.times.speech, self._reply_from_ms = at, queued_ms

    def audio_sent(self, at: float, sent_ms: float) -> None:
        """Audio that can be heard was sent; with it ``sent_ms``. What was queued earlier is of another reply."""
        if self.times.speech and not self.times.sent and sent_ms > self._reply_from_ms:
            self.times.sent = at

    def measured(self, call: str, turn: int) -> TurnMeasured | None:
        """The event of this turn, whose reply is over; None if nothing was heard, or it cannot be measured."""
        return self.times.to_event(call, turn) if turn > self.unmeasured_turn else None


def _between(start: float, end: float) -> float:
    return round(max(0.0, end - start) * 1000, 1)
