"""Which calls are meant: by their ids, or by the number of the person on the line."""
# ruff: noqa: S608 - quoted texts

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from orchestra.bus import Bus, keys
from orchestra.errors import MissingExtraError, UsageError
from orchestra.lines.dialled import ANY, E164, line_name, names_of
from orchestra.settings import Settings
from orchestra.storage.call_records import indexed_calls, stored_records
from orchestra.storage.callers import is_withheld
from orchestra_schemas import CallStarted, tag_of

_STARTED = tag_of(CallStarted)
_PARTY = "CASE direction WHEN 'outbound' THEN to_number ELSE from_number END"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for: the ids of calls, and the names of people's lines (E.164, ``sip:…``)."""

    calls: tuple[str, ...] = ()
    parties: tuple[str, ...] = ()


def parse_wanted(texts: Iterable[str]) -> Wanted:
    """Read call ids, telephone numbers and SIP addresses.

    Raises:
        UsageError: one is none of these, or a number that carriers send for withheld ones.

    """
    calls: list[str] = []
    parties: list[str] = []
    for text in texts:
        with suppress(ValueError):  # then it is a number, or nothing
            calls.append(keys.validate_call_id(text.strip()))
            continue
        try:
            name = _name_of_person(text)
        except ValueError as error:
            msg = f"{text[:80]!r} is neither the id of a call nor somebody's number: {error}"
            raise UsageError(msg) from None
        if name == ANY or not (E164.fullmatch(name) or name.startswith("sip:")):
            msg = f"{text[:80]!r} is neither the id of a call nor somebody's number: write a number as +15550100"
            raise UsageError(msg)
        if is_withheld(name):
            msg = f"{name} is what carriers send for every withheld number: its calls are of many people"
            raise UsageError(msg)
        parties.append(name)
    return Wanted(tuple(dict.fromkeys(calls)), tuple(dict.fromkeys(parties)))


def _name_of_person(written: str) -> str:
    """The number, where this is the address of one at some trunk: other trunks have other addresses of the person."""
    name = line_name(written)
    number = names_of(name)[-1]
    return number if E164.fullmatch(number) else name


def is_of(party: str, parties: Collection[str]) -> bool:
    """Whether what a carrier said of the other party is one of these names."""
    names = names_of(party)
    # an address without its host is all that is known of who calls by SIP
    return any(name in parties for name in names) or any(names[0] in names_of(each) for each in parties)


async def calls_with(bus: Bus, parties: Sequence[str]) -> list[str]:
    """Every call with one of these people, by the records, the journal and the archive, in the order of their starts.

    Raises:
        UsageError: the archive cannot be reached.
        redis.exceptions.RedisError: Redis cannot be reached.

    """
    if not parties:
        return []
    records = await stored_records(bus, await indexed_calls(bus))
    found = {call for call, record in records.items() if record is not None and is_of(record.other_party, parties)}
    found |= await _by_sql(bus.settings, parties)
    with_journal = [call async for call in _in_journal(bus, parties)]
    return sorted({*found, *with_journal}, key=keys.started_ms)


async def _by_sql(settings: Settings, parties: Sequence[str]) -> set[str]:
    """The calls of the archive; none where this machine cannot have one."""
    try:
        from orchestra.analysis.query import CallDatabase  # noqa: PLC0415 - an extra
        from orchestra.archive.derived.facts import quoted  # noqa: PLC0415 - an extra
    except MissingExtraError:
        return set()
    records = await CallDatabase.open(settings, journal=False)
    try:
        rows = await asyncio.to_thread(records.rows, f"SELECT DISTINCT {_PARTY} AS party FROM calls")
        known = ", ".join(quoted(row["party"]) for row in rows if row["party"] and is_of(row["party"], parties))
        if not known:
            return set()
        rows = await asyncio.to_thread(records.rows, f"SELECT call FROM calls WHERE {_PARTY} IN ({known})")
    finally:
        records.close()
    found: set[str] = set()
    for row in rows:
        with suppress(ValueError):  # the id of another program's call
            found.add(keys.validate_call_id(row["call"]))
    return found


async def _in_journal(bus: Bus, parties: Sequence[str]) -> AsyncIterator[str]:
    for partition in range(bus.partitions):
        async for entry in bus.entries(partition, keys.JOURNAL):
            if entry.type == _STARTED:
                with suppress(ValueError):
                    event = entry.event()
                    if isinstance(event, CallStarted) and is_of(event.other_party, parties):
                        yield entry.call
