"""A call as a labelling task. Pure."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from msgspec.structs import replace

from orchestra.curation.labelling_config import OUTCOME, TRANSCRIPT, TURN_LABEL
from orchestra.history.views.dialogue import Dialogue, DialogueTurn
from orchestra.telemetry.redaction import Chain, Redaction

Only = Literal["all", "interrupted", "failed", "low_confidence"]

#: below this confidence the speech engine has probably misheard
LOW_CONFIDENCE = 0.6
MODEL_VERSION = "orchestra-1"

_NOTHING = "(nothing understood)"
_SHARES = 10_000
#: the editor puts paragraphs that start at 0 last
_FIRST_START_S = 0.001


def is_sampled(call: str, percent: float) -> bool:
    """Whether the call belongs to that percentage of all calls; always the same answer for a call."""
    share = int.from_bytes(hashlib.sha256(call.encode()).digest()[:8], "big") % _SHARES
    return share < percent * _SHARES / 100


def is_wanted(dialogue: Dialogue, only: Only) -> bool:
    """Whether the call passes the filter."""
    match only:
        case "interrupted":
            return any(turn.interrupted for turn in dialogue.turns)
        case "failed":
            broken = dialogue.ended is None or dialogue.ended.reason == "failed"
            return broken or any(turn.failed or turn.failed_tools for turn in dialogue.turns)
        case "low_confidence":
            return any(is_doubtful(turn) for turn in dialogue.turns)
        case _:
            return True


def is_doubtful(turn: DialogueTurn) -> bool:
    """Whether the caller was probably misheard: low confidence, or speech without a transcript."""
    return turn.said_from_s is not None and (turn.confidence < LOW_CONFIDENCE or not turn.transcript)


def outcome(dialogue: Dialogue) -> str:
    """The probable outcome: ``resolved``, ``escalated`` (transferred to a person) or ``abandoned``."""
    if dialogue.ended is not None and dialogue.ended.reason == "transferred":
        return "escalated"
    answered = [turn for turn in dialogue.turns if turn.number > 0 and turn.reply_heard and not turn.failed]
    broken = dialogue.ended is None or dialogue.ended.reason in {"failed", "silence"}
    return "resolved" if answered and not broken and dialogue.turns[-1] in answered else "abandoned"


def redacted(dialogue: Dialogue, redaction: Redaction) -> Dialogue:
    """A redacted copy of the dialogue; numbers are also recognized across turns."""
    chain = Chain(redaction)
    turns = [
        replace(
            turn,
            transcript=chain("caller", turn.transcript),
            reply_heard=chain("agent", turn.reply_heard),
            reply=redaction.text(turn.reply),
        )
        for turn in dialogue.turns
    ]
    return replace(dialogue, turns=tuple(turns))


def task(call: str, dialogue: Dialogue, audio: str) -> dict[str, Any]:
    """The task to import: its data (no phone number in it) and one prediction.

    ``turns`` are the paragraphs in the order in which the editor shows them, each with its speaker, text, start and end
    in the audio (s) and the turn's number. ``audio`` is a URL that the annotator's browser can open, or empty.
    """
    marked: list[tuple[dict[str, Any], str]] = []
    for turn in dialogue.turns:
        if turn.said_from_s is not None:
            said = _paragraph("caller", turn.transcript or _NOTHING, turn.said_from_s, turn.said_to_s, turn.number)
            marked.append((said, "Misrecognition" if is_doubtful(turn) else ""))
        if turn.reply_heard:
            reply = _paragraph(turn.agent or "agent", turn.reply_heard, turn.heard_from_s, turn.heard_to_s, turn.number)
            marked.append((reply, "Interruption" if turn.interrupted else "Bad response" if turn.failed else ""))
    marked = marked or [(_paragraph("caller", _NOTHING, None, None, 0), "")]  # the editor fails on an empty list
    marked.sort(key=lambda each: _editor_key(each[0]))
    regions = [_region(index, paragraph["text"], label) for index, (paragraph, label) in enumerate(marked) if label]
    confidence = _finite(min((turn.confidence for turn in dialogue.turns), default=1.0))
    guess = {"from_name": OUTCOME, "to_name": TRANSCRIPT, "type": "choices", "value": {"choices": [outcome(dialogue)]}}
    return {
        "data": {"call_id": call, "audio": audio, "turns": [each for each, _ in marked], "meta": _meta(dialogue)},
        "predictions": [{"model_version": MODEL_VERSION, "score": round(confidence, 3), "result": [*regions, guess]}],
    }


def app_of(data: Mapping[str, Any]) -> str:
    """The app that had the call of a task, by the task's data; empty if it does not say it."""
    meta = data.get("meta")
    return str(meta.get("app") or "") if isinstance(meta, dict) else ""


def as_shown(paragraphs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The paragraphs of a task in the order in which the editor shows them; annotations refer to this order.

    With ``contextScroll`` the editor sorts them by start, then end, and puts those without a start, or with 0, last
    (Label Studio 1.23, the editor's Paragraphs model). `task` writes them in this order; older tasks are in another.
    """
    return sorted(paragraphs, key=_editor_key)


def _editor_key(paragraph: Mapping[str, Any]) -> tuple[bool, float, float]:
    start = paragraph.get("start") or 0.0
    return not start, start, paragraph.get("end") or 0.0


def _paragraph(speaker: str, text: str, start_s: float | None, end_s: float | None, turn: int) -> dict[str, Any]:
    start = max(_finite(start_s), _FIRST_START_S)
    plain = text.replace("\0", "\ufffd")  # Label Studio's database cannot store NUL
    return {"speaker": speaker, "text": plain, "start": start, "end": max(_finite(end_s), start), "turn": turn}


def _finite(number: float | None) -> float:
    """The number; 0 for None, infinity and NaN, which JSON cannot carry: a foreign journal may hold any time."""
    return number if number is not None and math.isfinite(number) else 0.0


def _date(at: float) -> str:
    """Epoch seconds as ISO 8601 in UTC; empty if they are beyond the calendar."""
    try:
        return datetime.fromtimestamp(at, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return ""


def _region(paragraph: int, text: str, label: str) -> dict[str, Any]:
    span = {"start": str(paragraph), "end": str(paragraph), "startOffset": 0, "endOffset": len(text), "text": text}
    return {
        "id": f"{TURN_LABEL}-{paragraph}",
        "from_name": TURN_LABEL,
        "to_name": TRANSCRIPT,
        "type": "paragraphlabels",
        "value": {**span, "paragraphlabels": [label]},
    }


def _meta(dialogue: Dialogue) -> dict[str, Any]:
    started, ended = dialogue.started, dialogue.ended
    waits = [turn.latency.total_ms for turn in dialogue.turns if turn.latency is not None]
    return {
        "app": started.app if started else "",
        "line": started.line if started else "",
        "started_at": _date(started.at) if started else "",
        "end_reason": ended.reason if ended else "",
        "duration_s": _finite(ended.duration_s) if ended else 0.0,
        "agents": sorted({turn.agent for turn in dialogue.turns if turn.agent}),
        "turns": max((turn.number for turn in dialogue.turns), default=0),
        "interruptions": sum(turn.interrupted for turn in dialogue.turns),
        "failed_turns": sum(turn.failed for turn in dialogue.turns),
        "tools": [name for turn in dialogue.turns for name in turn.tools],
        "failed_tools": sum(turn.failed_tools for turn in dialogue.turns),
        "slowest_ms": _finite(max(waits, default=0.0)),
    }
