"""The API of the streams: groups and processes, pending entries, dead letters, tail."""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, HTTPException, Query, Request, Response

from orchestra.bus import Bus, keys
from orchestra.bus.group.dead_letters import (
    DeadLetter,
    dead_letters,
    latest_dead_letters,
    named_dead_letters,
    resolve,
)
from orchestra.bus.group.overview import pending_entries
from orchestra.bus.worker.presence import Report, announced
from orchestra.console.answers import as_json, read_json
from orchestra.console.console import Console
from orchestra.console.event_stream import event_stream
from orchestra.console.roles import Operator, Role, requires
from orchestra.console.streams.overview import Overview
from orchestra.console.streams.tail import TailFilter, tail

#: dead letters of a list, and pending entries of each stream
_LETTERS, _PENDING = 200, 20
#: characters of a body or traceback
_LONGEST = 100_000
#: each tail has a connection to Redis of its own
_TAILS = 20


class Decision(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Which dead letters: those with these names, or ``every`` one of the group."""

    names: Annotated[tuple[str, ...], msgspec.Meta(max_length=1000)] = ()
    every: bool = False


def router(console: Console) -> APIRouter:
    """The section's API."""
    api, overview = APIRouter(), Overview(console.clock)
    read = [requires(Role.READ)]

    async def known(group: str) -> None:
        if not await overview.has_group(console.bus, group):
            raise HTTPException(404, f"no consumer group {group[:80]!r} has read here yet")

    @api.get("/api/streams", dependencies=read)
    async def streams() -> Response:
        return as_json(await overview.read(console.bus))

    @api.get("/api/streams/groups/{group}", dependencies=read)
    async def one_group(group: str) -> Response:
        await known(group)
        pending = await pending_entries(console.bus, group, range(console.bus.partitions), most=_PENDING)
        letters = await latest_dead_letters(console.bus, group, _LETTERS)
        return as_json({"group": group, "pending": pending, "dead_letters": [_in_list(each) for each in letters]})

    @api.get("/api/streams/groups/{group}/dead-letters/{partition}/{letter}", dependencies=read)
    async def dead_letter(group: str, partition: str, letter: str) -> Response:
        found = await named_dead_letters(console.bus, group, [f"{partition}/{letter}"])
        if not found:
            raise HTTPException(404, "there is no such dead letter: it was requeued or dropped")
        return as_json(_whole(found[0]))

    @api.post("/api/streams/groups/{group}/dead-letters/{what}")
    async def decide(
        request: Request,
        group: str,
        what: Literal["requeue", "drop"],
        operator: Annotated[Operator, requires(Role.ADMIN)],
    ) -> Response:
        """Deliver dead letters again, or delete them: those that are named, or every one of the group.

        ``done`` may be less than ``of``: somebody else has decided on the others meanwhile.
        """
        decision = await read_json(request, Decision)
        await known(group)
        if bool(decision.names) == decision.every:
            raise HTTPException(400, "give the names of dead letters, or every: true")
        letters = await (
            dead_letters(console.bus, group)
            if decision.every
            else named_dead_letters(console.bus, group, decision.names)
        )
        done = await resolve(console.bus, letters, what)
        _audit(console, operator, group, what, letters)
        return as_json({"done": done, "of": len(letters) if decision.every else len(decision.names)})

    console.while_connected("presence", _announce)
    _add_tail(api, console)
    return api


async def _announce(bus: Bus) -> None:
    """Let the pages show this process, too."""
    async with announced(bus, "console", f"console-{secrets.token_hex(2)}", Report):
        await asyncio.Event().wait()


def _add_tail(api: APIRouter, console: Console) -> None:
    open_now = 0

    @api.get("/api/streams/tail", dependencies=[requires(Role.READ)])
    async def follow(
        call: str = "", types: Annotated[str, Query(alias="type")] = "", text: str = "", media: bool = False
    ) -> Response:
        wanted = TailFilter(
            call=_call(call, console), types=frozenset(types.replace(",", " ").split()), text=text, media=media
        )
        if open_now >= _TAILS:
            raise HTTPException(503, f"{_TAILS} tails are open already: close one")
        return event_stream(counted(tail(console.bus, wanted, console.clock.monotonic)))

    async def counted(messages: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
        nonlocal open_now
        open_now += 1
        try:
            async with aclosing(messages):
                async for each in messages:
                    yield each
        finally:
            open_now -= 1


def _call(call: str, console: Console) -> str:
    """The id of a call of this journal, or nothing."""
    if not call:
        return ""
    try:
        partition = keys.partition_of(keys.validate_call_id(call))
    except ValueError as error:
        raise HTTPException(400, str(error)) from None
    if partition >= console.bus.partitions:
        raise HTTPException(400, f"{call} is on no partition of this journal, which has {console.bus.partitions}")
    return call


def _in_list(letter: DeadLetter) -> dict[str, Any]:
    names = ("name", "type", "call", "at", "attempts", "error", "handler")
    return {name: getattr(letter, name) for name in names} | {"error": letter.error[:500]}


def _whole(letter: DeadLetter) -> dict[str, Any]:
    names = ("group", "partition", "id", "stream", "stream_id", "published")
    return {
        **_in_list(letter),
        **{name: getattr(letter, name) for name in names},
        "error": letter.error[:_LONGEST],
        "traceback": letter.traceback[:_LONGEST],
        "body": letter.body.decode("utf-8", "replace")[:_LONGEST],
    }


def _audit(console: Console, operator: Operator, group: str, what: str, letters: list[DeadLetter]) -> None:
    """One entry for each call that had such letters."""
    did = {"requeue": "requeued dead letters", "drop": "dropped dead letters"}[what]
    calls: dict[str, list[str]] = {}
    for letter in letters:
        calls.setdefault(letter.call, []).append(letter.name)
    for call, names in calls.items():
        console.audit.record(operator, f"{did} of {group}", call, letters=names[:100], count=len(names))
