"""Holds: calls that are neither forgotten nor deleted when their time is over, and why.

They are on the server, in one hash: a call by its id, a person's calls by a keyed hash of the number, with the calls
that were found when the hold was laid. A sweep adds those that came later, for as long as their records are there.
"""

import hashlib
import hmac
from collections.abc import Collection, Iterable, Mapping

import msgspec

from orchestra.bus import Bus, keys
from orchestra.clock import SYSTEM_CLOCK
from orchestra.lines.dialled import names_of
from orchestra.storage.call_records import indexed_calls, stored_records
from orchestra.storage.secrets import number_key

_KEY = f"{keys.PREFIX}:{{shared}}:holds"
_CALL, _PARTY = "call ", "party "
_HASH_LENGTH = 32


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """One hold.

    Attributes:
        what: the id of the call; of a person ``number`` and the keyed hash.
        reason: why, in the operator's words.
        at: since when, epoch seconds.
        calls: the calls that are held by it.

    """

    what: str
    reason: str
    at: float
    calls: tuple[str, ...]


class Holds:
    """The holds of a server."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._key = number_key(bus.settings)

    async def every(self) -> list[Hold]:
        """All holds, oldest first.

        Raises:
            redis.exceptions.RedisError: Redis cannot be reached.

        """
        return sorted((await self._stored()).values(), key=lambda hold: hold.at)

    async def _stored(self) -> dict[str, Hold]:
        stored = await self._bus.redis.hgetall(_KEY)
        return {name.decode(): msgspec.json.decode(value, type=Hold) for name, value in stored.items()}

    async def hold_call(self, call: str, reason: str) -> None:
        """Hold one call."""
        await self._put(_CALL + call, Hold(what=call, reason=reason, at=SYSTEM_CLOCK.time(), calls=(call,)))

    async def hold_party(self, party: str, calls: Iterable[str], reason: str) -> None:
        """Hold these calls with a person, and later ones; ``party`` is the name of their line (`line_name`)."""
        hashed = self._hash(_least_exact(party))
        hold = Hold(what=f"number {hashed}", reason=reason, at=SYSTEM_CLOCK.time(), calls=tuple(calls))
        await self._put(_PARTY + hashed, hold)

    async def _put(self, name: str, hold: Hold) -> None:
        await self._bus.redis.hset(_KEY, name, msgspec.json.encode(hold))

    async def release(self, *, calls: Collection[str] = (), parties: Collection[str] = ()) -> int:
        """End the holds of these calls and people; how many there were."""
        people = {_PARTY + self._hash(name) for party in parties for name in names_of(party)}
        names = [*(_CALL + call for call in calls), *people]
        return int(await self._bus.redis.hdel(_KEY, *names)) if names else 0

    async def of(self, parties: Mapping[str, str]) -> dict[str, Hold]:
        """The hold of each of these calls that is held; given by call is the other party's number, "" if unknown."""
        stored = await self._stored()
        by_call = {call: hold for hold in stored.values() for call in hold.calls}
        found = {}
        for call, party in parties.items() if stored else ():
            of_party = (stored.get(_PARTY + self._hash(name)) for name in names_of(party)) if party else ()
            if hold := by_call.get(call) or next(filter(None, of_party), None):
                found[call] = hold
        return found

    async def held_calls(self) -> frozenset[str]:
        """Every call that is held, also those of held people that came since.

        Raises:
            redis.exceptions.RedisError: Redis cannot be reached.

        """
        stored = await self._stored()
        of_people = {name: hold for name, hold in stored.items() if name.startswith(_PARTY)}
        if of_people:
            for call, record in (await stored_records(self._bus, await indexed_calls(self._bus))).items():
                for name in names_of(record.other_party) if record is not None and record.other_party else ():
                    key = _PARTY + self._hash(name)
                    if (hold := of_people.get(key)) is not None and call not in hold.calls:
                        of_people[key] = msgspec.structs.replace(hold, calls=(*hold.calls, call))
            for name, hold in of_people.items():
                if hold is not stored[name]:
                    await self._put(name, hold)
        return frozenset(call for hold in (stored | of_people).values() for call in hold.calls)

    def _hash(self, party: str) -> str:
        return hmac.new(self._key, f"hold {party}".encode(), hashlib.sha256).hexdigest()[:_HASH_LENGTH]


def _least_exact(party: str) -> str:
    """Of a SIP address the name without the host, which is all that an incoming call tells: rather too much is held."""
    return names_of(party)[-1]
