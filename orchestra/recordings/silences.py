"""Where a recording has to be silent, because what was said there must not be kept: from the call's journal. Pure.

::

    journal   UserTurnEnded  SentenceSpoken "One moment."  SentenceSpoken "Your number is 555 …"  ReplySpoken
    agent                    |---------------------------| |------------ silent ------------|

The times are those at which words were reported, so that a stretch of the caller's speech, or a sentence of the
agent's, is silent as a whole. An agent's sentence begins no earlier than what was reported before it.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from orchestra.telemetry.redaction import Chain, Redaction
from orchestra_schemas import (
    CallStarted,
    Event,
    OperatorSaid,
    ReplyInterrupted,
    ReplySpoken,
    SentenceSpoken,
    TranscriptFinal,
    UserSpeechStarted,
    UserTurnEnded,
)

#: what is reported may have happened this much before or after, in seconds
_BESIDE_S: Final = 0.4
#: before the last piece of a number are this many at most
_PIECES: Final = 3


class Silence(NamedTuple):
    """A stretch of one side of a recording, on the call's clock."""

    speaker: str
    start_ms: int
    end_ms: int


class _Said(NamedTuple):
    """Words, and when they were said, in epoch seconds."""

    text: str
    begin: float
    end: float


def silences(events: Iterable[Event], redaction: Redaction) -> list[Silence]:
    """What of a call's recording must not be heard."""
    started = 0.0
    caller: list[_Said] = []
    agent: list[_Said] = []
    voice_at = since = 0.0
    sentences: list[str] = []
    for event in events:
        match event:
            case CallStarted(at=at):
                started = since = at
            case UserSpeechStarted(at=at):
                voice_at = at
            case TranscriptFinal(text=text):
                end = event.at - event.stt_ms / 1000
                begin = end - event.speech_s if event.speech_s else voice_at
                if event.joined and caller:  # its words are those of the stretch before, too
                    begin = min(begin, caller.pop().begin)
                caller.append(_Said(text, begin, end))
            case UserTurnEnded() | OperatorSaid():
                since, sentences = event.at, []
            case SentenceSpoken(text=text, at=at):
                agent.append(_Said(text, since, at))
                sentences.append(text)
                since = at
            case ReplySpoken(text=text, at=at) | ReplyInterrupted(heard=text, at=at):
                agent.append(_Said(text.removeprefix(" ".join(sentences)).strip(), since, at))
                since, sentences = at, []
            case _:
                pass
    found = [*_hidden("caller", caller, redaction), *_hidden("agent", agent, redaction)]
    return [
        Silence(
            speaker,
            max(0, round((said.begin - started - _BESIDE_S) * 1000)),
            round((said.end - started + _BESIDE_S) * 1000),
        )
        for speaker, said in found
    ]


def _hidden(speaker: str, said: list[_Said], redaction: Redaction) -> Iterator[tuple[str, _Said]]:
    """What is redacted of it: also the beginning of a number that goes on in the next words."""
    chain = Chain(redaction)
    for index, each in enumerate(said):
        goes_on = chain.pending
        left = chain(speaker, each.text)
        if left != each.text:
            if goes_on and "[number]" in left:
                yield from ((speaker, before) for before in said[max(0, index - _PIECES) : index])
            yield speaker, each
