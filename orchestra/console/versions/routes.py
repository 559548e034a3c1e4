"""The API of the versions: what runs with which shares, figures of each, and changing the shares."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from orchestra.console.answers import as_json, read_json
from orchestra.console.console import Console
from orchestra.console.roles import Operator, Role, requires
from orchestra.errors import UsageError
from orchestra.versions.changes import in_words
from orchestra.versions.decide import lines_with_versions, promote, roll_back, split

if TYPE_CHECKING:
    from orchestra.analysis.query import CallDatabase
    from orchestra.analysis.version_figures import VersionFigures

_Short = Annotated[str, msgspec.Meta(max_length=200)]
_Moment = Annotated[float, Field(ge=0, lt=253_402_300_800)]


class VersionChange(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A change of a line's shares: ``shares`` are the percents of a split, ``version`` is the one that is promoted."""

    line: _Short
    action: Literal["split", "promote", "rollback"]
    shares: Annotated[dict[_Short, float], msgspec.Meta(max_length=100)] = {}
    version: _Short = ""


class VersionsQuery(BaseModel):
    """Of which calls there are figures: since when (epoch seconds), and of which line; empty: of every one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    since: _Moment | None = None
    line: Annotated[str, Field(max_length=200)] = ""


def router(console: Console) -> APIRouter:
    """The section's API."""
    api = APIRouter()

    @api.get("/api/versions", dependencies=[requires(Role.READ)])
    async def versions() -> Response:
        return as_json({"lines": await lines_with_versions(console.bus)})

    @api.get("/api/versions/figures", dependencies=[requires(Role.READ)])
    async def figures(query: Annotated[VersionsQuery, Query()]) -> Response:
        found = await console.database.read(lambda records: _figures(records, query))
        return as_json({"versions": found, "warnings": console.database.warnings})

    @api.post("/api/versions")
    async def change(request: Request, operator: Annotated[Operator, requires(Role.ADMIN)]) -> Response:
        """Change the shares of the calls that begin from now on. 409 with words if that cannot be."""
        asked = await read_json(request, VersionChange)
        if not asked.line:
            raise HTTPException(400, "name a line")
        try:
            if asked.action == "split":
                made = await split(console.bus, asked.line, asked.shares, by=operator.name)
            elif asked.action == "promote":
                made = await promote(console.bus, asked.line, asked.version, by=operator.name)
            else:
                made = await roll_back(console.bus, asked.line, by=operator.name)
        except UsageError as error:
            raise HTTPException(409, str(error)) from None
        for line, each in made.items():
            console.audit.log(operator, f"changed versions: {each.action}", line=line, shares=in_words(each.shares))
        return as_json({"changes": made}, 201)

    return api


def _figures(records: "CallDatabase", query: VersionsQuery) -> "list[VersionFigures]":
    from orchestra.analysis.version_figures import version_figures  # noqa: PLC0415 - an extra

    asked: dict[str, Any] = query.model_dump()
    return version_figures(records, **asked)
