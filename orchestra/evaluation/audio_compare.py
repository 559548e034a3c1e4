"""Recorded calls played to a candidate as audio: the caller's own voice, on a telephone line to an edge."""

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from orchestra.errors import EngineError, UsageError
from orchestra.evaluation.call_diff import CallDiff, Comparison, TurnSound
from orchestra.evaluation.compare import call_diff, with_answers
from orchestra.evaluation.recorded_caller import GrowingJournal
from orchestra.evaluation.sandbox import Candidate, Sandbox, open_sandbox, summarize_recording
from orchestra.history.reduce import history_of
from orchestra.history.views.dialogue import dialogue
from orchestra.history.views.turn_summaries import CallSummary, call_summary
from orchestra.lines import ANY
from orchestra.recordings.locate import recording_file
from orchestra.settings import Settings
from orchestra.simulator import (
    SAMPLE_RATE,
    Caller,
    PhoneLine,
    ReplyInProgress,
    ScriptedConversation,
    Span,
    TurnAudio,
    Utterance,
    measure_turns,
)
from orchestra.simulator.audio_files import read_channels
from orchestra.simulator.audio_measure import find_sounds
from orchestra.stack import RunningStack, stack
from orchestra.voice.audio.mulaw import Samples
from orchestra_schemas import CallEnded, CallStarted, Event, UserTurnEnded

#: kept around the caller's words, so that no first sound is cut off
_MARGIN_S = 0.15
#: how exact the journal's end of speech is
_ABOUT_S = 0.5
_CALL_WITHIN_S = 1800.0
_SETTLED_WITHIN_S = 15.0


class RecordedVoice(msgspec.Struct, frozen=True, kw_only=True):
    """The recorded caller: number, audio and measurements of each turn that has sound."""

    numbers: tuple[int, ...]
    utterances: tuple[Utterance, ...]
    sounds: tuple[TurnAudio, ...]


def recorded_voice(recorded: CallSummary, events: Sequence[Event], caller: Samples, agent: Samples) -> RecordedVoice:
    """Cut the caller's turns out of a recording (two tracks, 8 kHz, on the call's clock), by the times of its journal.

    Raises:
        UsageError: the recording is silent at these times.

    """
    ends = {
        turn.number: turn.said_to_s for turn in dialogue(history_of(events)).turns if turn.number and turn.said_to_s
    }
    numbers = sorted(ends)
    parts: dict[int, list[Span]] = {}
    for span in find_sounds(caller):
        at = next((number for number in numbers if span.start_s < (ends[number] or 0.0) + _ABOUT_S), None)
        if at is not None:
            parts.setdefault(at, []).append(span)
    if not parts:
        msg = (
            f"the recording of {recorded.call} has no sound of the caller at the times of its turns: compare its words"
        )
        raise UsageError(msg)
    heard = sorted(parts)
    spans = [Span(max(0.0, parts[n][0].start_s - _MARGIN_S), parts[n][-1].end_s + _MARGIN_S) for n in heard]
    measured = measure_turns(caller, agent, spans)
    utterances = [
        _utterance(recorded, number, caller, span, measured[index])
        for index, (number, span) in enumerate(zip(heard, spans, strict=True))
    ]
    return RecordedVoice(numbers=tuple(heard), utterances=tuple(utterances), sounds=tuple(measured[1:]))


def _utterance(recorded: CallSummary, number: int, caller: Samples, span: Span, before: TurnAudio) -> Utterance:
    """One turn's audio; if it interrupted the reply before, with the time after that reply's first sound."""
    samples = caller[round(span.start_s * SAMPLE_RATE) : round(span.end_s * SAMPLE_RATE)]
    turn, previous = recorded.turn(number), recorded.turn(number - 1)
    interrupts = previous is not None and previous.interrupted and before.reply is not None
    after_s = span.start_s - before.reply.start_s if interrupts and before.reply is not None else None
    return Utterance(
        turn.transcript if turn is not None else "",
        np.asarray(samples, dtype=np.int16),
        None if after_s is None else max(0.1, after_s),
        turn.keys if turn is not None else "",
    )


async def compare_audio(
    settings: Settings,
    recordings: Mapping[str, Sequence[Event]],
    candidate: Candidate,
    *,
    app: str,
    alike: float = 1.0,
    done: Callable[[CallDiff | None], None] = lambda _: None,
) -> Comparison:
    """Play the audio of recorded calls to a candidate with an edge of its own, one call after another, in real time.

    Args:
        settings: where recordings are; of the edge's speech engines.
        recordings: the events of each call.
        candidate: what answers.
        app: the candidate's app as ``module:attribute``, for the process of the edge.
        alike: replies that have at least this share of their words in common count as the same.
        done: called with every call when it is done, with None if it failed.

    """
    found: list[CallDiff] = []
    failed: dict[str, str] = {}
    async with open_sandbox(candidate, partitions=settings.partitions) as sandbox:
        folder = sandbox.bus.settings.data_dir
        redis_url = sandbox.bus.settings.redis_url
        scratch = {"redis_url": redis_url, "data_dir": folder, "app": app, "port": 0, "public_url": None}
        own = settings.model_copy(update=scratch)
        async with stack(own, logs=folder / "logs", workers=()) as running:
            for name, events in recordings.items():
                diff: CallDiff | None = None
                try:
                    diff = await _compare_call(settings, events, sandbox, running, alike)
                    found.append(msgspec.structs.replace(diff, name=name))
                except (UsageError, EngineError) as error:
                    failed[name] = str(error)
                done(diff)
    return Comparison(calls=tuple(found), failed=failed)


async def _compare_call(
    settings: Settings, events: Sequence[Event], sandbox: Sandbox, running: RunningStack, alike: float
) -> CallDiff:
    recorded = summarize_recording(events)
    app = sandbox.candidate.answering(events)
    started = next((event for event in events if isinstance(event, CallStarted)), CallStarted(call=""))
    line_called = started.own_number if started.line in ("", ANY) else started.line
    async with recording_file(settings, events) as path:
        caller, agent = await asyncio.to_thread(_tracks, path)
    voice = await asyncio.to_thread(recorded_voice, recorded, events, caller, agent)
    journal, line = sandbox.expect(recorded), PhoneLine()
    talk = ScriptedConversation(voice.utterances, replying=_ReplyInProgress(journal))
    try:
        async with asyncio.timeout(_CALL_WITHIN_S):
            await Caller(
                running.url,
                running.auth_token,
                from_number=recorded.caller or "+15550001",
                to_number=line_called or "+15550100",
            ).call(line, talk)
        async with asyncio.timeout(_SETTLED_WITHIN_S):
            await journal.until(lambda event: isinstance(event, CallEnded), 0)
    except TimeoutError as error:
        msg = "the call to the candidate did not end"
        raise EngineError(msg) from error
    began = [line.started_at + span.start_s for span in talk.said_spans]
    played = call_summary(history_of(renumbered(journal.events, began, voice.numbers)))
    last = voice.numbers[len(talk.said_spans) - 1] if talk.said_spans else 0
    diff = call_diff(recorded, with_answers(played, sandbox), sandbox.candidate, app=app, last=last, alike=alike)
    return _with_sound(diff, voice, measure_turns(line.tracks.caller, line.tracks.agent, talk.said_spans)[1:])


def _with_sound(diff: CallDiff, voice: RecordedVoice, candidate: Sequence[TurnAudio]) -> CallDiff:
    """The call, with the measurements of both recordings."""
    measured = dict(zip(voice.numbers, zip(voice.sounds, candidate, strict=False), strict=False))
    turns = [
        msgspec.structs.replace(
            turn, recorded_sound=_sound(measured[turn.number][0]), candidate_sound=_sound(measured[turn.number][1])
        )
        if turn.number in measured
        else turn
        for turn in diff.turns
    ]
    return msgspec.structs.replace(diff, turns=tuple(turns))


class _ReplyInProgress:
    """Whether a reply of the call is still being made or played, by its journal."""

    def __init__(self, journal: GrowingJournal) -> None:
        self._journal = journal
        self._replying = ReplyInProgress()
        self._taken = 0

    def __call__(self) -> bool:
        for event in self._journal.events[self._taken :]:
            self._replying.follow(event)
        self._taken = len(self._journal.events)
        return self._replying()


def renumbered(events: Sequence[Event], began: Sequence[float], numbers: Sequence[int]) -> Iterator[Event]:
    """Events with the turn numbers of the recording: the edge may divide the same speech into other turns."""
    turns: dict[int, int] = {}
    for event in events:
        if isinstance(event, UserTurnEnded):
            at = bisect_right(began, event.speech_ended_at or event.at) - 1
            turns[event.turn] = numbers[max(0, at)]
        yield msgspec.structs.replace(event, turn=turns[event.turn]) if event.turn in turns else event


def _tracks(path: Path) -> tuple[Samples, Samples]:
    """Both sides of a recording at 8 kHz.

    Raises:
        UsageError: it has one track only.

    """
    tracks = read_channels(path)
    if len(tracks) < 2:  # noqa: PLR2004 - left: caller, right: agent
        msg = f"{path} has one track: a recording has the caller on the left and the agent on the right"
        raise UsageError(msg)
    return tracks[0], tracks[1]


def _sound(turn: TurnAudio) -> TurnSound:
    return TurnSound(
        response_ms=None if turn.response_s is None else turn.response_s * 1000,
        yielded_ms=None if turn.barge_in_stop_s is None else turn.barge_in_stop_s * 1000,
        talk_over_ms=turn.talk_over_s * 1000,
    )
