"""The API of the figures. What each of them is stands in `orchestra.analysis`, for the report, too."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from orchestra.console.answers import as_json
from orchestra.console.console import Console
from orchestra.console.roles import Role, requires
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
        found = await console.database.read(lambda records: _figures(records, query))
        found["costs"] = costs(found["models"], console.settings.prices)
        return as_json({**found, "warnings": console.database.warnings})

    return api


def _figures(records: "CallDatabase", query: FiguresQuery) -> dict[str, Any]:
    from orchestra.analysis.figures import figures  # noqa: PLC0415 - an extra

    found: dict[str, Any] = msgspec.to_builtins(figures(records, **query.model_dump()))
    return found


def costs(models: list[dict[str, Any]], prices: Prices) -> dict[str, Any]:
    """What the tokens of each group cost: ``by_key``, the ``currency``, and the models that have no price.

    ``by_key`` is empty if no model has a price.
    """
    used: dict[str, dict[str, Tokens]] = {}
    for each in models:
        tokens = Tokens(each["prompt_tokens"], each["completion_tokens"])
        used.setdefault(str(each["key"]), {})[each["model"]] = tokens
    if not prices.models:
        return {"by_key": {}, "currency": prices.currency, "unpriced": []}
    found = {key: cost_of(Usage(models=tokens), prices) for key, tokens in used.items()}
    return {
        "by_key": {key: cost.models for key, cost in found.items()},
        "currency": prices.currency,
        "unpriced": sorted({name for cost in found.values() for name in cost.unpriced}),
    }
