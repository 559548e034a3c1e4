"""An index from the carrier's id of a call to ours, with the call's state, so that each call is admitted once.

A webhook may come again: from the carrier, which got no answer, or from somebody with a copy of it. It may come
late, to another edge, or to an edge that has restarted since. So the answers are kept in Redis.
"""

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Literal, cast, get_args

import structlog
from redis.exceptions import RedisError

from orchestra.bus import Bus
from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import RejectedError

_LOG = structlog.get_logger("orchestra.voice")

_WITHIN_S = 1.0
#: as long as the record of a call is kept by default
_KEPT_S = 7 * 24 * 3600
#: entries that this process remembers itself, for when Redis is away
_MOST_HERE = 5_000

#: the stream is expected · it began · all lines were in use · the carrier says that the call is over
State = Literal["waits", "begun", "busy", "over"]


@dataclass(frozen=True, slots=True)
class IndexedCall:
    """Our id of a call, when the token of its first stream expires (epoch seconds), and the state of the call."""

    call: str
    expires: int = 0
    state: State = "begun"

    def __str__(self) -> str:
        """As it is stored."""
        return f"{self.call} {self.expires} {self.state}"

    @classmethod
    def parse(cls, kept: bytes) -> "IndexedCall":
        """Read a stored entry. Version 0.1 stored only the call's id; an entry that cannot be read admits nobody."""
        call, expires, state = [*kept.decode("utf-8", "replace").split(), "", "", ""][:3]
        if state not in get_args(State) or not (expires.isascii() and expires.isdecimal()):
            return cls(call)
        return cls(call, int(expires[:12]), cast("State", state))


class CarrierCallIndex:
    """Maps the carrier's ids to our calls and their states.

    While Redis is away each edge knows only its own entries: no caller is turned away because of that.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._here: dict[str, IndexedCall] = {}

    async def admit(self, provider_call: str, signature: str, note: IndexedCall) -> IndexedCall | None:
        """Add a call for which the carrier's webhook came. None: it is new; otherwise the entry that was there.

        Raises:
            RejectedError: the same signature came before with another id: somebody has split the form differently.

        """
        key, signed = (
            self._key(provider_call),
            self._bus.key(0, "signed", hashlib.sha256(signature.encode()).hexdigest()),
        )
        try:
            async with asyncio.timeout(_WITHIN_S):
                # set and read in one command: of two edges that are asked at once, one is the first
                before, known = await self._bus.connection(0).calls(
                    [
                        ("SET", signed, provider_call, "NX", "GET", "EX", _KEPT_S),
                        ("SET", key, str(note), "NX", "GET", "EX", _KEPT_S),
                    ]
                )
            if refused := next((reply for reply in (before, known) if isinstance(reply, RedisError)), None):
                raise refused
        except (TimeoutError, RedisError) as error:
            _LOG.warning("call.not_noted", call=note.call, error=repr(error))
            before = known = None
        if before is not None and before.decode() != provider_call:
            msg = "this signature came before with another call id"
            raise RejectedError(msg)
        found = IndexedCall.parse(known) if known is not None else self._here.get(provider_call)
        self._keep(provider_call, found or note)
        return found

    async def find(self, provider_call: str) -> IndexedCall | None:
        """The entry of the carrier's call; None if there is none."""
        try:
            async with asyncio.timeout(_WITHIN_S):
                known = await self._bus.connection(0).call("GET", self._key(provider_call))
        except (TimeoutError, RedisError) as error:
            _LOG.warning("call.not_found", provider_call=provider_call[:64], error=repr(error))
            known = None
        return IndexedCall.parse(known) if known is not None else self._here.get(provider_call)

    async def mark(self, provider_call: str, call: str, state: State) -> None:
        """Store the state of a call."""
        note = IndexedCall(call, 0, state)
        self._keep(provider_call, note)
        try:
            async with asyncio.timeout(_WITHIN_S):
                await self._bus.connection(0).call("SET", self._key(provider_call), str(note), "EX", _KEPT_S)
        except (TimeoutError, RedisError) as error:
            _LOG.warning("call.not_noted", call=call, error=repr(error))

    async def gone_elsewhere(self) -> list[str]:
        """The calls that this edge expects and that will not come: they began at another edge, or are over."""
        waiting = [
            sid for sid, note in self._here.items() if note.state == "waits" and note.expires >= SYSTEM_CLOCK.time()
        ]
        found = await asyncio.gather(*(self.find(sid) for sid in waiting))
        return [note.call for note in found if note is not None and note.state != "waits"]

    def _keep(self, provider_call: str, note: IndexedCall) -> None:
        self._here.pop(provider_call, None)
        self._here[provider_call] = note
        while len(self._here) > _MOST_HERE:
            del self._here[next(iter(self._here))]

    def _key(self, provider_call: str) -> str:
        return self._bus.key(0, "provider", provider_call)
