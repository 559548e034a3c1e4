"""Calls whose edge was lost: they have not ended, and no event or audio has come from them for a while."""

import secrets

from orchestra.bus import Bus, keys
from orchestra.bus.stream.entry import Entry, read_entry
from orchestra.clock import SYSTEM_CLOCK
from orchestra.history.call_record import CallRecord
from orchestra.recordings.audio_chunks import audio_of, duration_ms
from orchestra.storage.call_records import running_calls
from orchestra_schemas import AudioChunk, CallEnded, tag_of

_AUDIO = tag_of(AudioChunk)
_PAGE = 500
_CLAIMED_S = 60


async def lost_calls(bus: Bus, silent_s: float) -> list[CallRecord]:
    """Running calls of which neither journal nor media has an entry of the last ``silent_s`` seconds."""
    since_s = SYSTEM_CLOCK.time() - silent_s
    # a caller who talks with a person after a transfer is silent here, and not lost
    candidates = [record for record in await running_calls(bus, since_s) if not record.transferred_to]
    lost: list[CallRecord] = []
    for partition in sorted({keys.partition_of(record.call) for record in candidates}):
        silent = {record.call: record for record in candidates if keys.partition_of(record.call) == partition}
        for stream in keys.STREAMS:
            if silent:
                await _drop_active(bus, partition, stream, int(since_s * 1000), silent)
        lost += silent.values()
    return lost


async def _drop_active(bus: Bus, partition: int, stream: str, since_ms: int, silent: dict[str, CallRecord]) -> None:
    last = "+"
    while silent:
        page = await _page_back(bus, partition, stream, last, str(since_ms))
        for entry in page:
            if entry.call in silent and not _is_operators(entry):
                del silent[entry.call]
        if len(page) < _PAGE:
            return
        last = f"({page[-1].stream_id}"


def _is_operators(entry: Entry) -> bool:
    """Whether it is audio from a console, which may go on after the edge of the call was lost."""
    return entry.type == _AUDIO and audio_of(entry, entry.call) is None


async def claim_end(bus: Bus, call: str) -> bool:
    """Claim the right to publish the end of this call; False if another process has it.

    Raises:
        RedisError: the server does not answer.

    """
    ours = secrets.token_bytes(8)  # the client asks again if the answer is lost
    return await bus.redis.set(_claim(bus, call), ours, nx=True, get=True, ex=_CLAIMED_S) in {None, ours}


async def release_end_claim(bus: Bus, call: str) -> None:
    """The call is not over after all: another process may claim its end later."""
    await bus.redis.delete(_claim(bus, call))


def _claim(bus: Bus, call: str) -> str:
    return bus.key(call, "lost", call)


async def end_of_lost(bus: Bus, record: CallRecord, silent_s: float = 0.0) -> CallEnded | None:
    """The event that closes a lost call, with the duration and audio that are known.

    None if another process is about to publish it, or if the call has entries of the last ``silent_s`` seconds:
    an edge may have resumed it since it was found silent.
    """
    if not await claim_end(bus, record.call):
        return None
    journal = await bus.journal(record.call)
    if any(isinstance(event, CallEnded) for event in journal):
        return None  # it has ended; its record is about to be updated
    audio_ms, last_audio_at = await _last_audio(bus, record.call)
    began_at = journal[0].at if journal else record.started_at
    last_at = max([last_audio_at, *(event.at for event in journal)], default=began_at)
    if SYSTEM_CLOCK.time() - last_at < silent_s:
        await release_end_claim(bus, record.call)
        return None
    return CallEnded(
        call=record.call,
        turn=max((event.turn for event in journal), default=0),
        reason="failed",
        duration_s=round(max(0.0, last_at - began_at), 3),
        audio_ms=audio_ms,
        version=record.version,
    )


async def _last_audio(bus: Bus, call: str) -> tuple[int, float]:
    """Where the call's last audio ends (ms on its clock), and when it was published (epoch s); zeros without any."""
    ends: dict[str, tuple[int, float]] = {}
    last, first = "+", str(keys.earliest_ms(call))
    while len(ends) < 2:  # noqa: PLR2004 - both sides
        page = await _page_back(bus, keys.partition_of(call), keys.MEDIA, last, first)
        for chunk in filter(None, (audio_of(entry, call) for entry in page)):
            ends.setdefault(chunk.speaker, (chunk.offset_ms + duration_ms(chunk), chunk.at))
        if len(page) < _PAGE:
            break
        last = f"({page[-1].stream_id}"
    return max((end for end, _ in ends.values()), default=0), max((at for _, at in ends.values()), default=0.0)


async def _page_back(bus: Bus, partition: int, stream: str, last: str, first: str) -> list[Entry]:
    page = await bus.connection(partition).call("XREVRANGE", keys.key(partition, stream), last, first, "COUNT", _PAGE)
    return [read_entry(raw, partition, stream) for raw in page]
