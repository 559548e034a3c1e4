"""What is remembered of requests for a call, on the server of all edges: no request is placed twice."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import msgspec

from orchestra.bus import Bus
from orchestra.bus.keys import partition_of
from orchestra.voice.carriers.port import Parties

#: for so long after it was asked, the carrier's answer may still come; later nobody waits for it any more
ANSWER_WITHIN_S = 60.0

#: a call has begun, or will never begin, within this time after it was placed
_BEGINS_WITHIN_S = 24 * 3600
#: beside the variables, whose names are not empty
_LINE = ""
_DIALLED = "dialled"


class DialRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered under an idempotency key.

    Attributes:
        asked: a hash of what was asked for.
        call: the call that was made of it.
        at: when the carrier was asked, epoch seconds.
        state: ``placing`` until the carrier answers; ``unknown`` if it did not say whether it places the call.
        provider_call: the carrier's id of the call.

    """

    asked: str
    call: str
    at: float
    state: Literal["placing", "placed", "unknown"] = "placing"
    provider_call: str = ""

    def is_unknown(self, now: float) -> bool:
        """Whether nobody knows if the call was placed: the edge that asked may have died before the answer."""
        return self.state == "unknown" or (self.state == "placing" and now - self.at > ANSWER_WITHIN_S)


class DialRequests:
    """Remembers requests by idempotency key, and the variables of calls until they begin."""

    def __init__(self, bus: Bus, kept_s: int) -> None:
        self._bus = bus
        self._kept_s = kept_s

    async def find(self, key: str) -> DialRequest | None:
        """The request with this key; None if there was none yet."""
        partition, name = self._place(key)
        stored = await self._bus.connection(partition).call("GET", name)
        return None if stored is None else msgspec.json.decode(stored, type=DialRequest)

    async def begin(self, key: str, request: DialRequest) -> DialRequest | None:
        """Remember a request before its call is placed. Returns the earlier request, if the key has one."""
        partition, name = self._place(key)
        while True:
            stored = await self._bus.connection(partition).call(
                "SET", name, msgspec.json.encode(request), "NX", "EX", self._kept_s
            )
            # the first attempt may have been run though its answer was lost: then the request is our own
            if stored is not None or (earlier := await self.find(key)) == request:
                return None
            if earlier is not None:
                return earlier

    async def end(self, key: str, request: DialRequest) -> None:
        """Remember what came of it."""
        partition, name = self._place(key)
        await self._bus.connection(partition).call("SET", name, msgspec.json.encode(request), "XX", "KEEPTTL")

    async def forget(self, key: str) -> None:
        """The carrier has refused the call: it may be asked for again under this key."""
        partition, name = self._place(key)
        await self._bus.connection(partition).call("DEL", name)

    async def note(self, request: DialRequest) -> None:
        """Remember the request by its call, too, which may have been asked for without a key."""
        call = request.call
        await self._bus.connection(partition_of(call)).call(
            "SET", self._bus.key(call, "placed", call), msgspec.json.encode(request), "EX", self._kept_s
        )

    async def of_call(self, call: str) -> DialRequest | None:
        """The request that this call was placed for; None if it is no id of a call that was placed."""
        try:
            key = self._bus.key(call, "placed", call)
        except ValueError:
            return None
        stored = await self._bus.redis.get(key)
        return None if stored is None else msgspec.json.decode(stored, type=DialRequest)

    def _place(self, key: str) -> tuple[int, str]:
        digest = hashlib.sha256(key.encode()).hexdigest()
        partition = int(digest[:8], 16) % self._bus.partition_counts.at_creation
        return partition, self._bus.key(partition, "dial", digest)

    # -- what a call was asked for with

    async def keep(self, call: str, variables: Mapping[str, str], line: str = "") -> None:
        """Keep the variables and the line of a call that is about to be placed, for whichever edge gets it."""
        kept = {**variables, **({_LINE: line} if line else {})}
        if kept:
            stored = self._bus.sealing.seal_state(call, _DIALLED, msgspec.json.encode(kept))
            await self._bus.connection(partition_of(call)).call(
                "SET", self._bus.key(call, _DIALLED, call), stored, "EX", _BEGINS_WITHIN_S
            )

    async def complete(self, parties: Parties) -> Parties:
        """The parties of a call that begins, with the variables and the line that it was asked for with.

        Raises:
            SealedError: another edge has sealed them with another key.

        """
        if parties.direction != "outbound":
            return parties
        call = parties.call
        stored = await self._bus.connection(partition_of(call)).call("GET", self._bus.key(call, _DIALLED, call))
        if stored is None:
            return parties
        kept = msgspec.json.decode(self._bus.sealing.open_state(call, _DIALLED, stored), type=dict[str, str])
        line = kept.pop(_LINE, parties.line)
        return replace(parties, line=line, variables={**parties.variables, **kept})
