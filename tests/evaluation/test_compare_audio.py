"""A recorded caller's own voice, cut from the recording by its journal, and put to an edge of today."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from orchestra.demo import app
from orchestra.errors import UsageError
from orchestra.evaluation.audio_compare import compare_audio, recorded_voice, renumbered
from orchestra.evaluation.call_diff import Comparison
from orchestra.evaluation.comparison_page import html_report
from orchestra.evaluation.sandbox import Candidate
from orchestra.history.reduce import history_of
from orchestra.history.views.turn_summaries import call_summary
from orchestra.settings import Settings
from orchestra.simulator import SAMPLE_RATE, to_telephone, write_stereo
from orchestra.voice.audio.mulaw import Samples
from orchestra_schemas import (
    CallEnded,
    CallStarted,
    Event,
    RecordingSaved,
    ReplyInterrupted,
    TurnCompleted,
    UserSpeechStarted,
    UserTurnEnded,
)
from tests.agents.golden import golden, read

CALL = "07-0199a0b4-c0de-7000-8000-00000000aaaa"


def track(length_s: float, *sounds: tuple[float, float]) -> Samples:
    """A track that sounds from … to … seconds."""
    time = np.arange(round(length_s * SAMPLE_RATE)) / SAMPLE_RATE
    audible = np.any([(time >= start) & (time < end) for start, end in sounds], axis=0)
    return np.asarray(8000 * np.sin(2 * np.pi * 440 * time) * audible, dtype=np.int16)


def call() -> list[Event]:
    return [
        CallStarted(call=CALL, at=100.0),
        UserSpeechStarted(call=CALL, at=102.0),
        UserTurnEnded(call=CALL, turn=1, text="where is it", at=104.4, speech_ended_at=104.0),
        TurnCompleted(call=CALL, turn=1, agent="tracking", text="At the depot in Hill Street."),
        UserSpeechStarted(call=CALL, at=106.5, interrupting=True),
        ReplyInterrupted(call=CALL, turn=1, heard="At the"),
        UserTurnEnded(call=CALL, turn=2, text="thank you", at=108.0, speech_ended_at=107.5),
        CallEnded(call=CALL, turn=2, reason="caller_hung_up", at=110.0),
    ]


def test_a_callers_turns_are_cut_from_the_recording_by_the_journals_times() -> None:
    caller = track(10, (2.0, 2.8), (3.2, 4.0), (6.5, 7.5))
    agent = track(10, (0.1, 1.5), (4.9, 6.8))
    voice = recorded_voice(call_summary(history_of(call())), call(), caller, agent)
    assert voice.numbers == (1, 2)
    assert [utterance.text for utterance in voice.utterances] == ["where is it", "thank you"]
    lengths_s = [utterance.samples.size / SAMPLE_RATE for utterance in voice.utterances]
    assert lengths_s == pytest.approx([2.3, 1.3], abs=0.05), "both stretches of the first turn, and what is around them"
    first, second = (utterance.barge_in_after_s for utterance in voice.utterances)
    assert first is None
    assert second == pytest.approx(6.35 - 4.9, abs=0.05), (
        "it interrupts the reply as long after its first sound as then"
    )
    assert voice.sounds[0].response_s == pytest.approx(0.9, abs=0.05)
    assert voice.sounds[1].barge_in_stop_s == pytest.approx(0.3, abs=0.05)


def test_a_recording_without_the_callers_audio_is_refused() -> None:
    with pytest.raises(UsageError, match="no sound of the caller"):
        recorded_voice(call_summary(history_of(call())), call(), track(10, (0, 0)), track(10, (1, 2)))


def test_two_turns_of_an_edge_count_as_the_one_that_was_said() -> None:
    events = [
        UserTurnEnded(call=CALL, turn=1, text="where", at=11.0),
        UserTurnEnded(call=CALL, turn=2, text="is it", at=12.0),
        TurnCompleted(call=CALL, turn=2, agent="tracking", text="Here."),
        UserTurnEnded(call=CALL, turn=3, text="thank you", at=21.0),
    ]
    turns = call_summary(history_of(renumbered(events, [10.0, 20.0], [4, 6]))).turns
    assert [(turn.number, turn.transcript, turn.reply) for turn in turns] == [
        (4, "where is it", "Here."),
        (6, "thank you", ""),
    ]


@pytest.mark.integration
async def test_a_recorded_call_is_played_to_an_edge(tmp_path: Path) -> None:
    from orchestra.voice.engines.local import LocalSpeech  # noqa: PLC0415 - loads models

    speech = await asyncio.to_thread(LocalSpeech.load)
    recorded: list[Event] = []
    parts, clock_s = [np.zeros(2 * SAMPLE_RATE, dtype=np.int16)], 2.0
    for event in [read(line) for line in golden("status").read_text("utf-8").splitlines()]:
        if isinstance(event, UserTurnEnded):
            said = to_telephone(*await asyncio.to_thread(speech.synthesize, event.text))
            parts += [said, np.zeros(3 * SAMPLE_RATE, dtype=np.int16)]
            ended_s = clock_s + said.size / SAMPLE_RATE
            clock_s = ended_s + 3
            recorded.append(replace(event, at=1000.5 + ended_s, speech_ended_at=1000.0 + ended_s))
        else:
            recorded.append(replace(event, at=1000.0 if isinstance(event, CallStarted) else 1000.0 + clock_s))
    settings = Settings(data_dir=tmp_path, redis_url=None)
    wav = settings.recordings / f"{recorded[0].call}.wav"
    wav.parent.mkdir()
    caller = np.concatenate(parts)
    write_stereo(wav, caller, np.zeros_like(caller))
    recorded.append(RecordingSaved(call=recorded[0].call, url=wav.as_uri()))
    candidate = Candidate(app=app, settings=settings)
    found = await compare_audio(settings, {"c": recorded}, candidate, app="orchestra.demo:app")
    assert found.failed == {}
    (diff,) = found.calls
    assert [turn.number for turn in diff.turns] == [1, 2, 3]
    assert [turn.candidate.agent for turn in diff.turns] == [turn.recorded.agent for turn in diff.turns]
    waits = [turn.candidate_sound.response_ms for turn in diff.turns if turn.candidate_sound is not None]
    assert len(waits) == 3
    assert all(wait is not None and 0 < wait < 20_000 for wait in waits)
    assert "first sound after" in html_report(Comparison(calls=(diff,)), "spoken")
