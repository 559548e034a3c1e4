"""A call as files that people and programs read: text, WebVTT captions, JSON. Pure.

WebVTT: W3C Candidate Recommendation, https://www.w3.org/TR/webvtt1/
"""

from collections.abc import Iterator, Sequence

import msgspec

from orchestra_schemas import Event
from tests.history.oracle.dialogue import Turn, dialogue

#: a cue that has no length of its own is shown for so long, in seconds
_SHORTEST_S = 1.0

#: times of foreign journals may be anything, infinite too
_LONGEST_S = 359_999.0


def spoken(events: Sequence[Event]) -> Iterator[tuple[float, float, str, str]]:
    """Who said what: from and to (seconds on the call's clock), speaker, words; in order of their beginning."""
    lines = [line for turn in dialogue(events).turns for line in _lines(turn)]
    yield from sorted(lines, key=lambda line: line[0])


def _lines(turn: Turn) -> Iterator[tuple[float, float, str, str]]:
    if turn.said_from_s is not None and turn.said:
        yield turn.said_from_s, turn.said_to_s or turn.said_from_s, "caller", turn.said
    if turn.heard_from_s is not None and turn.heard:
        words = f"{turn.heard} …" if turn.interrupted else turn.heard
        who = turn.agent or ("greeting" if turn.number == 0 else "agent")
        yield turn.heard_from_s, turn.heard_to_s or turn.heard_from_s, who, words


def text(events: Sequence[Event]) -> str:
    """One line an utterance: ``0:03.7  caller: where is my parcel``; ``…`` where the caller spoke over the reply."""
    return "".join(f"{clock(begin)}  {who}: {words}\n" for begin, _, who, words in spoken(events))


def clock(seconds: float) -> str:
    """Minutes and seconds: ``0:03.7``."""
    seconds = min(max(seconds, 0.0), _LONGEST_S)
    tenths = round(seconds * 10)
    return f"{tenths // 600}:{tenths % 600 / 10:04.1f}"


def webvtt(events: Sequence[Event]) -> str:
    """The call's captions, for players that show them with the recording."""
    cues = ["WEBVTT\n"]
    for number, (begin, end, who, words) in enumerate(spoken(events), 1):
        until = end if end > begin else begin + _SHORTEST_S
        cues.append(f"{number}\n{_stamp(begin)} --> {_stamp(until)}\n<v {_escaped(who)}>{_escaped(words)}</v>\n")
    return "\n".join(cues)


def _stamp(seconds: float) -> str:
    seconds = min(max(seconds, 0.0), _LONGEST_S)
    ms = round(seconds * 1000)
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"


def _escaped(words: str) -> str:
    flat = " ".join(words.split())
    return flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def journal(events: Sequence[Event]) -> bytes:
    """One JSON line an event, as it can be replayed, shown and compared."""
    return b"".join(msgspec.json.encode(event) + b"\n" for event in events)
