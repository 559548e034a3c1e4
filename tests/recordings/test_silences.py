"""Where a recording is silent because of what was said there."""

from pathlib import Path

import numpy as np
import pytest

from orchestra.recordings.silences import Silence, silences
from orchestra.recordings.wav import Recording
from orchestra.telemetry.redaction import Redaction
from orchestra_schemas import (
    CallStarted,
    Event,
    ReplyInterrupted,
    ReplySpoken,
    SentenceSpoken,
    TranscriptFinal,
    UserSpeechStarted,
    UserTurnEnded,
)

CALL = "07-1"


def of(*events: Event) -> list[tuple[str, float, float]]:
    found = silences([CallStarted(call=CALL, at=1000.0), *events], Redaction())
    return [(each.speaker, each.start_ms / 1000, each.end_ms / 1000) for each in found]


def final(text: str, at: float, speech_s: float = 2.0, *, joined: bool = False) -> TranscriptFinal:
    return TranscriptFinal(call=CALL, at=at, text=text, speech_s=speech_s, stt_ms=500.0, joined=joined)


def test_the_callers_stretch_with_a_number_is_silent_and_no_other() -> None:
    assert of(final("hello", 1003.0), final("it is +1 415 555 0199", 1010.5), final("thank you", 1015.0)) == [
        ("caller", 7.6, 10.4)
    ]


@pytest.mark.parametrize("second", ["1111 1111, please", "one one one one one one"])
def test_a_number_in_pieces_is_silent_from_its_beginning(second: str) -> None:
    assert [round(start) for _, start, _ in of(final("my card is 4111 1111", 1005.5), final(second, 1010.5))] == [3, 8]


def test_a_joined_transcript_is_about_both_stretches_and_one_without_a_length_begins_with_the_voice() -> None:
    joined = final("415 555 0199", 1010.5, joined=True)
    assert of(final("415 555", 1005.5), joined) == [("caller", 2.6, 10.4)]
    assert of(UserSpeechStarted(call=CALL, at=1006.0), final("415 555 0199", 1010.5, 0.0)) == [("caller", 5.6, 10.4)]


def test_of_the_agents_reply_the_sentence_is_silent_that_repeats_it() -> None:
    events = [
        UserTurnEnded(call=CALL, turn=1, at=1010.0, text="x"),
        SentenceSpoken(call=CALL, turn=1, at=1013.0, text="One moment."),
        SentenceSpoken(call=CALL, turn=1, at=1018.0, text="You are at 415 555 0199."),
        ReplySpoken(call=CALL, turn=1, at=1020.0, text="One moment. You are at 415 555 0199. Right?"),
    ]
    assert of(*events) == [("agent", 12.6, 18.4)]
    cut = ReplyInterrupted(call=CALL, turn=1, at=1017.0, heard="One moment. You are at 415 555 0199")
    assert of(*events[:2], cut) == [("agent", 12.6, 17.4)]


def test_a_stretch_of_a_recording_is_made_silent_as_far_as_the_file_goes(tmp_path: Path) -> None:
    with Recording(tmp_path / "x.wav") as file:
        for speaker in ("caller", "agent"):
            file.write(speaker, 0, np.full(16_000, 5, np.int16).tobytes(), sample_rate=8000)
        file.silence(*Silence("caller", 500, 1000))
        file.silence(*Silence("agent", 1500, 9000))
        file.silence(*Silence("agent", 9000, 9500))
        assert file.duration_s == 2.0
    both = np.frombuffer((tmp_path / "x.wav").read_bytes()[44:], np.int16).reshape(-1, 2)
    assert not both[4000:8000, 0].any()
    assert both[:4000, 0].all()
    assert both[8000:, 0].all()
    assert not both[12_000:, 1].any()
    assert both[:12_000, 1].all()
