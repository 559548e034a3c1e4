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


def _between(start: float, end: float) -> float:
    return round(max(0.0, end - start) * 1000, 1)
