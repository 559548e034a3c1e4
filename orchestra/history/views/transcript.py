"""A call as files for people and programs: text, WebVTT captions, JSON lines.

WebVTT: W3C Candidate Recommendation, https://www.w3.org/TR/webvtt1/
"""

from collections.abc import Iterable, Iterator

import msgspec

from orchestra.history.call import CallHistory
from orchestra.history.views.dialogue import DialogueTurn, dialogue, speaker_of
from orchestra_schemas import Event

#: duration of a cue whose words have no length, in seconds
_SHORTEST_S = 1.0
#: journals from elsewhere may contain any time, even infinity
_LONGEST_S = 359_999.0


class Utterance(msgspec.Struct, frozen=True):
    """One side's words, with start and end in seconds on the call's clock."""

    from_s: float
    to_s: float
    who: str
    words: str


def transcript(history: CallHistory) -> list[Utterance]:
    """Who said what, in the order in which it began; ``…`` ends a reply that the caller spoke over."""
    utterances = [each for turn in dialogue(history).turns for each in _utterances(turn)]
    return sorted(utterances, key=lambda utterance: utterance.from_s)


def _utterances(turn: DialogueTurn) -> Iterator[Utterance]:
    if turn.said_from_s is not None and turn.transcript:
        yield Utterance(turn.said_from_s, turn.said_to_s or turn.said_from_s, "caller", turn.transcript)
    if turn.heard_from_s is not None and turn.reply_heard:
        words = f"{turn.reply_heard} …" if turn.interrupted else turn.reply_heard
        yield Utterance(turn.heard_from_s, turn.heard_to_s or turn.heard_from_s, speaker_of(turn), words)


def text(history: CallHistory) -> str:
    """One line per utterance: ``0:03.7  caller: where is my parcel``."""
    return "".join(f"{clock(each.from_s)}  {each.who}: {each.words}\n" for each in transcript(history))


def clock(seconds: float) -> str:
    """Minutes and seconds: ``0:03.7``."""
    seconds = min(max(seconds, 0.0), _LONGEST_S)
    tenths = round(seconds * 10)
    return f"{tenths // 600}:{tenths % 600 / 10:04.1f}"


def webvtt(history: CallHistory) -> str:
    """The call's captions, for players that show them with the recording."""
    cues = ["WEBVTT\n"]
    for number, each in enumerate(transcript(history), 1):
        until_s = each.to_s if each.to_s > each.from_s else each.from_s + _SHORTEST_S
        times = f"{_timestamp(each.from_s)} --> {_timestamp(until_s)}"
        cues.append(f"{number}\n{times}\n<v {_escaped(each.who)}>{_escaped(each.words)}</v>\n")
    return "\n".join(cues)


def _timestamp(seconds: float) -> str:
    seconds = min(max(seconds, 0.0), _LONGEST_S)
    ms = round(seconds * 1000)
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"


def _escaped(words: str) -> str:
    flat = " ".join(words.split())
    return flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def json_lines(events: Iterable[Event]) -> bytes:
    """One JSON line per event, for replay, display and comparison."""
    return b"".join(msgspec.json.encode(event) + b"\n" for event in events)
