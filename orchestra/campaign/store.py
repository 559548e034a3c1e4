"""One campaign in Redis: its contacts, what is due, what runs, and who runs it."""

import secrets
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from itertools import islice
from typing import Final, Literal, TypeVar
from zlib import crc32

import msgspec

from orchestra.bus import Bus
from orchestra.campaign.contacts import Contact
from orchestra.campaign.options import CampaignOptions, Outcome
from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import LeaseLostError, UsageError

_T = TypeVar("_T")

State = Literal["running", "paused", "stopped"]
#: what came of the wish to begin an attempt
Begun = Literal["begun", "lost", "paused", "not due"]

_KEPT_S: Final = 90 * 24 * 3600
_CHUNK: Final = 500
_LONGEST_NAME: Final = 64

#: New contacts, each with its place in the queue. KEYS: contacts, due. ARGV: the moment, then row and contact (JSON).
_ADD: Final = """
local added = 0
for i = 2, #ARGV, 2 do
    if redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1]) == 1 then
        redis.call('ZADD', KEYS[2], ARGV[1], ARGV[i])
        added = added + 1
    end
end
return added
"""

#: An attempt begins, in one step with what allows it: this process runs the campaign, nobody has paused or stopped it,
#: and the contact is due. KEYS: lease, about, due, attempts, open. ARGV: lease token, row, attempt (JSON), the moment.
_BEGIN: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'lost' end
if redis.call('HGET', KEYS[2], 'state') ~= 'running' then return 'paused' end
local due = redis.call('ZSCORE', KEYS[3], ARGV[2])
if not due or tonumber(due) > tonumber(ARGV[4]) then return 'not due' end
redis.call('ZREM', KEYS[3], ARGV[2])
redis.call('HSET', KEYS[4], ARGV[2], ARGV[3])
redis.call('SADD', KEYS[5], ARGV[2])
redis.call('SADD', KEYS[6], ARGV[2])
return 'begun'
"""

#: What came of an attempt. KEYS as above. ARGV: lease token, row, attempt (JSON), due at ("": never), runs (1, 0).
_NOTE: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'lost' end
redis.call('HSET', KEYS[4], ARGV[2], ARGV[3])
redis.call('SREM', KEYS[6], ARGV[2])
if ARGV[4] == '' then redis.call('ZREM', KEYS[3], ARGV[2]) else redis.call('ZADD', KEYS[3], ARGV[4], ARGV[2]) end
redis.call(ARGV[5] == '1' and 'SADD' or 'SREM', KEYS[5], ARGV[2])
return 'noted'
"""

#: KEYS: lease. ARGV: token, milliseconds.
_RENEW: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""
_RELEASE: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The latest attempt to reach a contact.

    Attributes:
        number: 1 for the first; 0: none yet.
        began_at: epoch seconds.
        call: our id of its call; empty until the carrier has taken it.
        outcome: empty while it runs.
        detail: why, where that is known.
        tries: earlier attempts, by outcome.

    """

    number: int = 0
    began_at: float = 0.0
    call: str = ""
    outcome: Outcome | Literal[""] = ""
    detail: str = ""
    tries: dict[str, int] = {}


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a campaign stands.

    Attributes:
        state: whether calls are placed.
        contacts: how many people there are.
        waiting: how many of them will be called, now or later.
        calling: how many are being called.
        outcomes: how many are done, by outcome.
        is_run: whether a process runs it.

    """

    state: State
    contacts: int
    waiting: int
    calling: int
    outcomes: dict[str, int]
    is_run: bool

    @property
    def is_done(self) -> bool:
        """Whether nobody is left to call."""
        return not self.waiting and not self.calling


async def refuse_calls(bus: Bus, numbers: Iterable[str]) -> None:
    """These people are called by no campaign any more."""
    for chunk in _chunks(numbers):
        await bus.redis.sadd(_do_not_call(bus), *chunk)


async def is_refused(bus: Bus, number: str) -> bool:
    """Whether this person wants no calls."""
    return bool(await bus.redis.sismember(_do_not_call(bus), number))


def _chunks(items: Iterable[_T]) -> Iterator[list[_T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk


def _row(contact: Contact) -> str:
    """The contact's name in the keys: of those that are due at the same time, the first in the file comes first."""
    return f"{contact.row:09}"


def _do_not_call(bus: Bus) -> str:
    return bus.key(0, "do-not-call")


class CampaignStore:
    """The keys of one campaign, all in one slot.

    Raises:
        UsageError: the name is not one.

    """

    def __init__(self, bus: Bus, name: str, clock: Callable[[], float] = SYSTEM_CLOCK.time) -> None:
        if not 0 < len(name) <= _LONGEST_NAME or not name.isascii() or not name.replace("-", "a").isidentifier():
            msg = f"{name[:_LONGEST_NAME]!r}: letters, digits, - and _ make the name of a campaign, up to 64 of them"
            raise UsageError(msg)
        self.name = name
        self.lease_ms = bus.settings.lease_ms
        self._bus = bus
        self._redis = bus.redis
        self._clock = clock
        self.partition = crc32(name.encode()) % bus.partition_counts.at_creation
        self._token = secrets.token_hex(16)
        parts = ("lease", "about", "due", "attempts", "open", "placing")
        self._keys = [self._key(part) for part in parts]
        self._lease, self._about, self._due, self._attempts, self._open, self._placing = self._keys
        self._contacts = self._key("contacts")

    def _key(self, part: str) -> str:
        return self._bus.key(self.partition, "campaign", self.name, part)

    # -- its contacts

    async def create(self, file: str, options: CampaignOptions) -> None:
        """Begin the campaign, or continue it: then with the new options.

        Args:
            file: the hash of its file.
            options: pace and rules.

        Raises:
            UsageError: there is one of this name with another file.

        """
        if not await self._redis.hsetnx(self._about, "file", file) and await self._of_file() != file:
            msg = f"the campaign {self.name!r} has another file: choose another --name"
            raise UsageError(msg)
        await self._redis.hset(self._about, "options", msgspec.json.encode(options))
        await self._redis.hsetnx(self._about, "state", "running")

    async def _of_file(self) -> str:
        return (await self._redis.hget(self._about, "file") or b"").decode()

    async def exists(self) -> bool:
        """Whether there is such a campaign."""
        return bool(await self._of_file())

    async def options(self) -> CampaignOptions:
        """Its pace and rules."""
        return msgspec.json.decode(await self._redis.hget(self._about, "options") or b"{}", type=CampaignOptions)

    async def add(self, contacts: Iterable[Contact]) -> int:
        """Add contacts that are not in it yet, all due now. Returns how many were added."""
        added = 0
        for chunk in _chunks(contacts):
            rows = [part for each in chunk for part in (_row(each), msgspec.json.encode(each))]
            added += int(await self._redis.eval(_ADD, 2, self._contacts, self._due, self._clock(), *rows))
        for key in (self._contacts, *self._keys[1:]):
            await self._redis.expire(key, _KEPT_S)
        return added

    async def contact(self, row: str) -> Contact:
        """The contact of a row."""
        return msgspec.json.decode(await self._redis.hget(self._contacts, row) or b"", type=Contact)

    async def attempt(self, row: str) -> Attempt:
        """The latest attempt to reach the contact of a row."""
        return msgspec.json.decode(await self._redis.hget(self._attempts, row) or b"{}", type=Attempt)

    async def is_refused(self, number: str) -> bool:
        """Whether this person wants no calls."""
        return await is_refused(self._bus, number)

    async def everyone(self) -> AsyncIterator[tuple[Contact, Attempt]]:
        """All contacts with their latest attempts, in the order of their rows."""
        for names in _chunks(sorted(await self._redis.hkeys(self._contacts))):
            contacts = await self._redis.hmget(self._contacts, names)
            attempts = await self._redis.hmget(self._attempts, names)
            for contact, attempt in zip(contacts, attempts, strict=True):
                if contact is not None:
                    yield (
                        msgspec.json.decode(contact, type=Contact),
                        msgspec.json.decode(attempt or b"{}", type=Attempt),
                    )

    # -- running it

    async def acquire(self) -> None:
        """Become the process that runs it, or stay so.

        Raises:
            LeaseLostError: another one runs it.

        """
        if await self._redis.eval(_RENEW, 1, self._lease, self._token, self.lease_ms):
            return
        if not await self._redis.set(self._lease, self._token, nx=True, px=self.lease_ms):
            msg = f"another process runs the campaign {self.name!r}; `orchestra campaign status` shows it"
            raise LeaseLostError(msg)

    async def release(self) -> None:
        """Let another process run it."""
        await self._redis.eval(_RELEASE, 1, self._lease, self._token)

    async def due(self, most: int) -> list[str]:
        """The rows of contacts that are due, the longest due first."""
        rows = await self._redis.zrangebyscore(self._due, "-inf", self._clock(), start=0, num=most)
        return [row.decode() for row in rows]

    async def running(self) -> list[str]:
        """The rows of contacts that are being called."""
        return sorted(row.decode() for row in await self._redis.smembers(self._open))

    async def begin(self, row: str, attempt: Attempt) -> Begun:
        """Write down that this attempt is about to be made."""
        args = (self._token, row, msgspec.json.encode(attempt), self._clock())
        begun = (await self._redis.eval(_BEGIN, len(self._keys), *self._keys, *args)).decode()
        found: Begun = msgspec.convert(begun, Begun)
        return found

    async def note(self, row: str, attempt: Attempt, *, due_at: float | None = None, runs: bool = False) -> None:
        """Write down what came of an attempt, and when the contact is due again.

        Raises:
            LeaseLostError: another process runs the campaign.

        """
        due = "" if due_at is None else repr(due_at)
        args = (self._token, row, msgspec.json.encode(attempt), due, int(runs))
        if await self._redis.eval(_NOTE, len(self._keys), *self._keys, *args) != b"noted":
            msg = f"another process runs the campaign {self.name!r}"
            raise LeaseLostError(msg)

    # -- steering it

    async def has_waiting(self) -> bool:
        """Whether anybody is to be called, now or later."""
        return bool(await self._redis.zcard(self._due))

    async def state(self) -> State:
        """Whether its calls are placed."""
        found: State = msgspec.convert((await self._redis.hget(self._about, "state") or b"stopped").decode(), State)
        return found

    async def set_state(self, state: State) -> None:
        """Place its calls, or none."""
        await self._redis.hset(self._about, "state", state)

    async def is_placing(self) -> bool:
        """Whether a process that still runs is asking the carrier for a call."""
        return bool(await self._redis.exists(self._lease)) and bool(await self._redis.scard(self._placing))

    async def progress(self) -> Progress:
        """Where it stands."""
        outcomes: Counter[str] = Counter()
        async for _, attempt in self.everyone():
            outcomes[attempt.outcome] += bool(attempt.outcome)
        waiting = int(await self._redis.zcard(self._due))
        return Progress(
            state=await self.state(),
            contacts=int(await self._redis.hlen(self._contacts)),
            waiting=waiting,
            calling=int(await self._redis.scard(self._open)),
            outcomes={outcome: count for outcome, count in sorted(outcomes.items()) if count},
            is_run=bool(await self._redis.exists(self._lease)),
        )
