"""The evaluation set: the annotations of each call as a line of JSON, updated by every pull."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from orchestra.atomic_file import atomic_file
from orchestra.bus.stream.entry import UNREADABLE
from orchestra.curation.labelling_config import (
    CORRECTED,
    FAILED,
    ISSUE,
    JUDGE,
    NOTES,
    OUTCOME,
    PASSED,
    QUALITY,
    TURN_LABEL,
)
from orchestra.curation.task import app_of, as_shown
from orchestra.errors import RejectedError
from orchestra.language.word_error_rate import WordErrors, total, word_errors

#: where `orchestra curate pull` writes the set, in the data directory
SET_FILE = "evaluation.jsonl"
#: of the five qualities
_MIDDLE = 3


class EvaluatedTurn(msgspec.Struct, frozen=True, kw_only=True):
    """A paragraph of the dialogue: ``text`` as it was recognized or spoken, ``corrected`` by the annotator."""

    speaker: str
    text: str
    corrected: str
    turn: int = 0
    labels: tuple[str, ...] = ()


class EvaluatedCall(msgspec.Struct, frozen=True, kw_only=True):
    """An annotated call. ``errors`` of the caller's ``words`` were misrecognized; ``updated_at`` is ISO 8601.

    ``verdicts`` are the annotators' own, by the judge's name, where the project asks for them. ``app`` had the call.
    """

    call: str
    task: int
    annotation: int
    updated_at: str
    outcome: str = ""
    quality: int = 0
    issues: tuple[tuple[str, ...], ...] = ()
    notes: str = ""
    errors: int = 0
    words: int = 0
    turns: tuple[EvaluatedTurn, ...] = ()
    verdicts: dict[str, bool] = {}
    app: str = ""

    @property
    def answers(self) -> dict[str, bool]:
        """What can be compared with judges: a judge's name → it passes; ``outcome``: resolved; ``quality``: 4 or more.

        A quality of 3 says neither.
        """
        found = dict(self.verdicts)
        if self.outcome:
            found["outcome"] = self.outcome == "resolved"
        if self.quality and self.quality != _MIDDLE:
            found["quality"] = self.quality > _MIDDLE
        return found

    @property
    def word_errors(self) -> WordErrors:
        """The words of the caller that were misrecognized."""
        return WordErrors(self.errors, self.words)


def evaluated(
    task: int, data: Mapping[str, Any], updated_at: str, annotations: Iterable[Mapping[str, Any]]
) -> EvaluatedCall | None:
    """The annotated call of a task; None if no annotation counts, or the task is not a call.

    An annotation marked as ground truth counts, else the latest one. A turn without a correction was right.

    Raises:
        RejectedError: they do not match the project's labels.

    """
    counting = [each for each in annotations if not each.get("was_cancelled")]
    if not counting or "call_id" not in data:  # people may add tasks of their own to the project
        return None
    try:
        return _evaluated(task, data, updated_at, counting)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        msg = f"task {task} ({data['call_id']}) has an annotation that cannot be read: {error!r}"
        raise RejectedError(msg) from error


def _evaluated(
    task: int, data: Mapping[str, Any], updated_at: str, counting: Sequence[Mapping[str, Any]]
) -> EvaluatedCall:
    chosen = max(counting, key=lambda each: (bool(each.get("ground_truth")), str(each.get("updated_at")), each["id"]))
    said = _Said(chosen.get("result") or ())
    turns = tuple(said.turn(number, paragraph) for number, paragraph in enumerate(as_shown(data.get("turns") or ())))
    heard = total(word_errors(turn.corrected, _understood(turn.text)) for turn in turns if turn.speaker == "caller")
    return EvaluatedCall(
        call=str(data["call_id"]),
        task=task,
        annotation=int(chosen["id"]),
        updated_at=updated_at,
        outcome=said.outcome,
        quality=said.quality,
        issues=said.issues,
        notes=said.notes,
        errors=heard.errors,
        words=heard.words,
        turns=turns,
        verdicts=said.verdicts,
        app=app_of(data),
    )


def _understood(text: str) -> str:
    return "" if text.startswith("(") and text.endswith(")") else text


class _Said:
    """The items of an annotation, by paragraph."""

    def __init__(self, result: Iterable[Mapping[str, Any]]) -> None:
        self.outcome = self.notes = ""
        self.quality = 0
        self.issues: tuple[tuple[str, ...], ...] = ()
        self.verdicts: dict[str, bool] = {}
        self._labels: dict[int, list[str]] = {}
        self._corrected: dict[int, str] = {}
        for item in result:
            self._take(str(item.get("from_name")), item.get("value") or {})

    def _take(self, control: str, value: Mapping[str, Any]) -> None:
        match control:
            case control if control == OUTCOME:
                self.outcome = " ".join(value.get("choices", ()))
            case control if control == QUALITY:
                self.quality = int(value.get("rating", 0))
            case control if control == ISSUE:
                self.issues = tuple(tuple(path) for path in value.get("taxonomy", ()))
            case control if control.startswith(JUDGE) and value.get("choices") in ([PASSED], [FAILED]):
                self.verdicts[control.removeprefix(JUDGE)] = value["choices"] == [PASSED]
            case control if control == NOTES:
                self.notes = _text(value)
            case control if control == TURN_LABEL and "start" in value:
                self._labels.setdefault(int(value["start"]), []).extend(value.get("paragraphlabels", ()))
            case control if control == CORRECTED and "start" in value:
                self._corrected[int(value["start"])] = _text(value)
            case _:
                pass

    def turn(self, number: int, paragraph: Mapping[str, Any]) -> EvaluatedTurn:
        text = str(paragraph.get("text", ""))
        return EvaluatedTurn(
            speaker=str(paragraph.get("speaker", "")),
            text=text,
            corrected=self._corrected.get(number, _understood(text)),
            turn=int(paragraph.get("turn", 0)),
            labels=tuple(self._labels.get(number, ())),
        )


def _text(value: Mapping[str, Any]) -> str:
    text = value.get("text", "")
    return (text if isinstance(text, str) else " ".join(text)).strip()


# -- the file


def read_set(path: Path) -> dict[str, EvaluatedCall]:
    """The calls of an evaluation set by id; empty if the file does not exist yet.

    Raises:
        RejectedError: a line is not an evaluated call.

    """
    if not path.exists():
        return {}
    decode = msgspec.json.Decoder(EvaluatedCall).decode
    try:
        calls = [decode(line) for line in path.read_bytes().splitlines()]
    except UNREADABLE as error:
        msg = f"{path} is not an evaluation set: {error}"
        raise RejectedError(msg) from error
    return {call.call: call for call in calls}


def read_annotations(data_dir: Path) -> dict[str, dict[str, bool]]:
    """The annotators' `EvaluatedCall.answers` by call, of the set that was pulled to this machine; empty without one.

    Raises:
        RejectedError: the file is no evaluation set, or cannot be read.

    """
    path = data_dir / SET_FILE
    try:
        return {call: each.answers for call, each in read_set(path).items()}
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror or error}"
        raise RejectedError(msg) from error


def write_set(path: Path, calls: Iterable[EvaluatedCall]) -> None:
    """Write the set, whole or not at all."""
    with atomic_file(path) as file:
        file.writelines(msgspec.json.encode(call) + b"\n" for call in sorted(calls, key=lambda call: call.call))


def latest(calls: Sequence[EvaluatedCall]) -> datetime | None:
    """The newest change in the set; the next pull continues from there."""
    moments = [datetime.fromisoformat(call.updated_at) for call in calls]
    return max(moments, default=None)
