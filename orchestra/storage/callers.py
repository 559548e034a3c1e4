"""Who has called before: a caller's recent calls, found by a keyed hash of the number.

The index contains no numbers: without the key (`orchestra.storage.secrets.number_key`) it does not reveal who called.
Orchestration queries it when a call starts:

>>> callers = Callers(bus, number_key(settings))                                      # doctest: +SKIP
>>> past = await callers.recent(started.other_party, before=started.call)             # doctest: +SKIP
>>> notes = as_context(past, now=started.at)        # "" for a first call, else for `orchestra.agents.caller_notes`

A number is only a claim of the carrier: a caller with a forged number gets the notes of its owner, so an app has to
choose them (`App.remembers_callers`). Only E.164 numbers are remembered: no SIP addresses or browser clients, and none
of the numbers that carriers send for every withheld one.
"""

import hashlib
import hmac
import math
from collections.abc import Sequence

from orchestra.agents.caller_notes import quoted
from orchestra.bus import Bus, keys
from orchestra.clock import SYSTEM_CLOCK
from orchestra.counted import counted
from orchestra.history.call_record import CallRecord
from orchestra.history.earlier_calls import BACKGROUND_HEAD
from orchestra.lines.dialled import E164
from orchestra.storage.call_records import find_call

_KEPT = 10
_DAY_S, _HOUR_S, _MINUTE_S = 86_400, 3600, 60
#: numbers sent for a withheld one: such a word on a telephone's keys (Twilio: +266696687 is ANONYMOUS)
_WITHHELD = frozenset(
    "".join("22233344455566677778889999"[ord(letter) - ord("A")] for letter in word)
    for word in ("ANONYMOUS", "RESTRICTED", "BLOCKED", "UNAVAILABLE", "UNKNOWN", "PRIVATE", "WITHHELD", "HIDDEN")
)


def is_withheld(number: str) -> bool:
    """Whether this is what a carrier sends for every number that is withheld or unknown."""
    return number[1:] in _WITHHELD or len(set(number[1:])) == 1  # +9999999


class Callers:
    """The recent calls of every caller.

    Args:
        bus: its server has the index.
        key: key of the hash.
        ttl_s: seconds after the last call until a caller is forgotten.

    """

    def __init__(self, bus: Bus, key: bytes, *, ttl_s: int = 7 * _DAY_S) -> None:
        self._bus = bus
        self._key = key
        self._ttl_s = ttl_s

    async def remember(self, number: str, call: str, *, of: str = "", kept_s: float = math.inf) -> None:
        """Index a call under its caller's number (E.164), unless it is withheld. Safe to repeat.

        ``of`` names the app that may know of it, where there are several: no app learns of calls to another. It is
        remembered for ``kept_s`` seconds, if that is shorter than for how long all are.
        """
        if key := self._of(number, of):
            await self._bus.redis.zadd(key, {call: keys.started_ms(call)})
            await self._bus.redis.zremrangebyrank(key, 0, -_KEPT - 1)
            await self._bus.redis.expire(key, math.ceil(min(self._ttl_s, kept_s)))

    async def recent(
        self, number: str, *, of: str = "", before: str = "", limit: int = 3, kept_s: float = math.inf
    ) -> list[CallRecord]:
        """The caller's latest finished calls, newest first; ``before`` leaves out that call and later ones.

        ``of`` and ``kept_s`` as in `remember`: what is older is deleted.
        """
        key = self._of(number, of)
        if not key:
            return []
        if kept_s < math.inf:
            await self._bus.redis.zremrangebyscore(key, "-inf", f"({(SYSTEM_CLOCK.time() - kept_s) * 1000:.0f}")
        newest = f"({keys.started_ms(before)}" if before else "+inf"
        found = await self._bus.redis.zrevrangebyscore(key, newest, "-inf")
        records: list[CallRecord] = []
        for call in found:
            record = await find_call(self._bus, call.decode())
            if record is not None and record.status == "ended" and len(records) < limit:
                records.append(record)
        return records

    def _of(self, number: str, app: str) -> str:
        if not E164.fullmatch(number) or is_withheld(number):
            return ""
        whose = f"{number} {app}" if app else number
        return f"{keys.PREFIX}:caller:{hmac.new(self._key, whose.encode(), hashlib.sha256).hexdigest()}"


def as_context(past: Sequence[CallRecord], now: float) -> str:
    """What an agent should know about the caller's earlier calls, one line each; empty if there are none.

    ``now`` in epoch seconds. It contains no number.
    """
    if not past:
        return ""
    return "\n".join([BACKGROUND_HEAD, *(f"- {_line(record, now)}" for record in past)])


def _line(record: CallRecord, now: float) -> str:
    parts = [f"{_ago(now - record.started_at)} ago, {counted(record.turns, 'turn')}"]
    if record.agent:
        parts.append(f"last with {record.agent}")
    if record.first_words:
        parts.append(f"asked: {quoted(record.first_words)}")
    if record.last_words and record.last_words != record.first_words:
        parts.append(f"last said: {quoted(record.last_words)}")
    if record.transferred_to:
        parts.append("handed over to a person")
    elif record.end_reason == "failed":
        parts.append("the call broke off")
    return "; ".join(parts)


def _ago(seconds: float) -> str:
    for unit_s, unit in ((_DAY_S, "day"), (_HOUR_S, "hour"), (_MINUTE_S, "minute")):
        count = int(seconds // unit_s)
        if count >= 1:
            return counted(count, unit)
    return "less than a minute"
