"""What the server keeps of calls beside the streams: whatever is named after them, and the indexes that name them.

Every key of a call has its id as a part of its name, whoever writes it: the record, the state of each consumer, its
numbers, secrets, lanes of webhooks. So these are found by looking at all names. What names calls inside::

    orchestra:{p07}:calls                  sorted set of calls
    orchestra:{p07}:dead:GROUP             dead letters; ``requeued:GROUP`` likewise
    orchestra:{p07}:published:GROUP        event → number of events it has published
    orchestra:{p07}:webhooks:due:NAME      calls with a lane; ``webhooks:failing:NAME`` likewise
    orchestra:{p00}:provider:ID            the carrier's id → our call; ``signed:HASH`` → the carrier's id
    orchestra:{p00}:dial:HASH              what was asked for with an idempotency key; ``person:LEG`` likewise
    orchestra:{p00}:campaign:NAME:…        contacts and attempts, by row
    orchestra:caller:HASH                  earlier calls of a caller
"""

from collections import Counter
from collections.abc import AsyncIterator, Collection
from typing import Any, Final

import msgspec

from orchestra.bus import Bus, keys
from orchestra.campaign.contacts import Contact
from orchestra.campaign.store import Attempt
from orchestra.forgetting.chosen import is_of
from orchestra.forgetting.redis_streams import delete_entries, entries_of

_PAGE: Final = 1000
_PARTITION: Final = slice(2, 4)  # of {p07}
_ATTEMPTS: Final = "attempts"


class KeySweep:
    """Looks through every key of the server for some calls.

    Args:
        bus: the server.
        calls: the calls.
        provider_calls: the carrier's ids of them.
        parties: people of whom also the contacts of campaigns are to go.
        dry_run: only look.

    """

    def __init__(
        self,
        bus: Bus,
        calls: Collection[str],
        *,
        provider_calls: Collection[str],
        parties: Collection[str],
        dry_run: bool,
    ) -> None:
        self._bus = bus
        self._redis: Any = bus.redis
        self._calls = frozenset(calls)
        self._provider_calls = frozenset(provider_calls)
        self._parties = frozenset(parties)
        self._dry_run = dry_run
        #: what was found, by kind
        self.found: Counter[str] = Counter()
        #: people who are being called by a campaign right now: their contacts stay
        self.being_called: set[str] = set()
        self._records: list[str] = []

    async def run(self) -> None:
        """Look through all keys, and remove what is of the calls, all but their records.

        Raises:
            redis.exceptions.RedisError: Redis cannot be reached, or refuses.

        """
        async for name in self._names():
            parts = name.split(":")
            if not self._calls.isdisjoint(parts):
                self.found["record and state"] += 1
                if parts[2] == "call":
                    self._records.append(name)
                else:
                    await self._do("unlink", name)
            elif parts[1] == "caller":
                self.found["callers' memory"] += await self._remove("zrem", "zscore", name, self._calls)
            elif parts[1].startswith("{p") and len(parts) > 2:  # noqa: PLR2004
                await self._look(name, parts)

    async def remove_records(self) -> None:
        """Remove the records of the calls, by which they are found: so a run that was killed can be ended.

        Raises:
            redis.exceptions.RedisError: Redis cannot be reached, or refuses.

        """
        for name in self._records:
            await self._do("unlink", name)
        for partition in {keys.partition_of(call) for call in self._calls} if not self._dry_run else ():
            await self._redis.zrem(self._bus.key(partition, "calls"), *self._calls)

    async def _names(self) -> AsyncIterator[str]:
        async for name in self._redis.scan_iter(match=f"{keys.PREFIX}:*", count=_PAGE):
            yield name.decode("utf-8", "replace")

    async def _look(self, name: str, parts: list[str]) -> None:
        match parts[2:]:
            case ["dead" | "requeued", *_]:
                await self._look_at_letters(name, int(parts[1][_PARTITION]))
            case ["published", *_]:
                fields = [field for field in await self._fields(name) if field.split(":")[0] in self._calls]
                self.found["record and state"] += await self._remove("hdel", "hexists", name, fields)
            case ["webhooks", "due", *_]:
                self.found["webhooks"] += await self._remove("zrem", "zscore", name, self._calls)
            case ["webhooks", "failing", *_]:
                self.found["webhooks"] += await self._remove("hdel", "hexists", name, self._calls)
            case ["provider" | "signed" | "dial" | "person", *_]:
                await self._look_at_value(name)
            case ["campaign", *middle, "contacts"]:
                await self._look_at_campaign(name, ":".join(middle))
            case _:
                pass

    async def _look_at_value(self, name: str) -> None:
        value = (await self._redis.get(name) or b"").decode("utf-8", "replace")
        if value in self._provider_calls or any(call in value for call in self._calls):
            self.found["ids and requests of the carrier"] += 1
            await self._do("unlink", name)

    async def _look_at_letters(self, name: str, partition: int) -> None:
        letters = await entries_of(self._bus, name, partition, self._calls)
        self.found["dead letters"] += len(letters.ids)
        if letters.ids and not self._dry_run:
            await delete_entries(self._bus, letters)

    async def _look_at_campaign(self, name: str, campaign: str) -> None:
        """Remove the contacts with these people, and from attempts the ids of these calls."""
        prefix = name.removesuffix("contacts")
        running = {row.decode() for row in await self._redis.smembers(f"{prefix}open")}
        attempts: dict[bytes, bytes] = await self._redis.hgetall(f"{prefix}{_ATTEMPTS}")
        made = {row.decode(): msgspec.json.decode(value, type=Attempt) for row, value in attempts.items()}
        contacts: dict[bytes, bytes] = await self._redis.hgetall(name) if self._parties else {}
        gone = [
            row.decode()
            for row, value in contacts.items()
            if is_of(msgspec.json.decode(value, type=Contact).number, self._parties)
        ]
        for row in gone:
            if row in running:
                self.being_called.add(campaign)
                continue
            self.found["contacts of campaigns"] += 1
            for part, command in (("due", "zrem"), (_ATTEMPTS, "hdel"), ("placing", "srem"), ("contacts", "hdel")):
                await self._do(command, f"{prefix}{part}", row)
        for row, attempt in made.items():
            if attempt.call in self._calls and row not in gone:
                self.found["attempts of campaigns"] += 1
                without = msgspec.json.encode(msgspec.structs.replace(attempt, call=""))
                await self._do("hset", f"{prefix}{_ATTEMPTS}", row, without)

    async def _fields(self, name: str) -> list[str]:
        return [field.decode("utf-8", "replace") for field in await self._redis.hkeys(name)]

    async def _remove(self, remove: str, has: str, name: str, members: Collection[str]) -> int:
        """Remove members or fields of a key; how many there were."""
        if not self._dry_run:
            return int(await getattr(self._redis, remove)(name, *members)) if members else 0
        found = [await getattr(self._redis, has)(name, member) for member in members]
        return sum(each is not None and each is not False for each in found)

    async def _do(self, command: str, *arguments: Any) -> None:
        if not self._dry_run:
            await getattr(self._redis, command)(*arguments)
