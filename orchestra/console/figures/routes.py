"""The API of the figures. What each of them is stands in `orchestra.analysis`, for the report, too."""

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from orchestra.console.answers import as_json
from orchestra.console.console import Console
from orchestra.console.roles import Role, requires
from orchestra.curation.evaluation import read_annotations
from orchestra.errors import RejectedError
from orchestra.history.usage import Tokens, Usage, cost_of
from orchestra.prices import Prices

if TYPE_CHECKING:
    from orchestra.analysis.query import CallDatabase

_Text = Annotated[str, Field(max_length=500)]
_Moment = Annotated[float, Field(ge=0, lt=253_402_300_800)]


class FiguresQuery(BaseModel):
    """Which calls are counted, by when they began (epoch seconds, ``until`` excluded), and how they are grouped."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: Literal["day", "app", "version", "agent"] = "day"
    since: _Moment | None = None
    until: _Moment | None = None
    app: _Text = ""
    version: _Text = ""
    agent: _Text = ""
    line: _Text = ""


def router(console: Console) -> APIRouter:
    """The section's API."""
    api = APIRouter()

    @api.get("/api/figures", dependencies=[requires(Role.READ)])
    async def figures(query: Annotated[FiguresQuery, Query()]) -> Response:
        annotated, warnings = {}, []
        try:
            annotated = await asyncio.to_thread(read_annotations, console.settings.data_dir)
        except RejectedError as error:
            warnings.append(f"{error}; nothing is compared with annotators")
        found = await console.database.read(lambda records: _figures(records, query, annotated))
        found["costs"] = costs(found, console.settings.prices)
        return as_json({**found, "warnings": [*console.database.warnings, *warnings]})

    return api


def _figures(records: "CallDatabase", query: FiguresQuery, annotated: dict[str, dict[str, bool]]) -> dict[str, Any]:
    from orchestra.analysis.figures import figures  # noqa: PLC0415 - an extra

    found: dict[str, Any] = msgspec.to_builtins(figures(records, **query.model_dump(), annotated=annotated))
    return found


def costs(found: dict[str, Any], prices: Prices) -> dict[str, Any]:
    """What models, speech engines and lines cost: ``by_key``, the ``currency``, and what has no price.

    ``by_key`` has ``models``, ``speech``, ``line`` and ``total`` of each group; it is empty if no price is set.
    """
    if not prices.any:
        return {"by_key": {}, "currency": prices.currency, "unpriced": []}
    known = {str(group["key"]): cost_of(_usage(found, group), prices) for group in found["groups"]}
    return {
        "by_key": {
            key: {"models": cost.models, "speech": cost.stt + cost.tts, "line": cost.call, "total": cost.total}
            for key, cost in known.items()
        },
        "currency": prices.currency,
        "unpriced": sorted({name for cost in known.values() for name in cost.unpriced}),
    }


def _usage(found: dict[str, Any], group: dict[str, Any]) -> Usage:
    """What the calls of a group used."""
    stt_s: Counter[str] = Counter()
    characters: Counter[str] = Counter()
    for each in found["speech"]:
        if each["key"] == group["key"]:
            stt_s[each["stt"]] += each["stt_s"]
            characters[each["tts"]] += each["tts_characters"]
    return Usage(
        models={
            each["model"]: Tokens(each["prompt_tokens"], each["completion_tokens"])
            for each in found["models"]
            if each["key"] == group["key"]
        },
        stt_s={name: seconds for name, seconds in stt_s.items() if seconds},
        tts_characters={name: count for name, count in characters.items() if count},
        call_s=group["call_s"],
    )
