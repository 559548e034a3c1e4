"""What the address of the page asks for, and what is shown of each call. Pure."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import Field

from orchestra.analysis.call_filter import CallFilter

_Score = Annotated[int, Field(ge=1, le=5)]


class CallQuery(CallFilter):
    """The filters of the list, as fields of the address; a call meets all that are given.

    Attributes:
        score: the annotators' score is at least this, ``score_below``: less than this.
        after: where the page before has ended.
        limit: of the calls on a page.

    """

    score: _Score | None = None
    score_below: _Score | None = None
    after: Annotated[str, Field(max_length=2000)] = ""
    limit: Annotated[int, Field(ge=1, le=500)] = 50

    @property
    def of_scores(self) -> bool:
        """Whether only calls with a score are wanted."""
        return self.score is not None or self.score_below is not None

    def calls_with(self, scores: Mapping[str, int]) -> frozenset[str] | None:
        """The calls whose score is wanted; None if any call is."""
        if not self.of_scores:
            return None
        return frozenset(
            call
            for call, score in scores.items()
            if score >= (self.score or 1) and (self.score_below is None or score < self.score_below)
        )


_SHOWN = (
    "call", "status", "outcome", "duration_s", "from_number", "to_number", "direction", "app", "passed_to", "line",
    "agent", "version", "model", "turns", "interruptions", "tools", "failed_tools", "handovers", "wait_ms",
)  # fmt: skip


def shown(rows: Iterable[Mapping[str, Any]], scores: Mapping[str, int]) -> list[dict[str, Any]]:
    """The rows as the page gets them: ``started_at`` in epoch seconds, ``score`` None where nobody gave one."""
    return [
        {name: row.get(name) for name in _SHOWN}
        | {"started_at": epoch_s(row["time"]), "score": scores.get(row["call"])}
        for row in rows
    ]


def epoch_s(moment: datetime | None) -> float | None:
    """A moment of the database, which is UTC."""
    return None if moment is None else moment.replace(tzinfo=UTC).timestamp()
