"""One hop with bare redis-py: ``_raw_hop.py URL FROM TO`` reads one stream as a group and adds to the next."""

import sys
from typing import Any

import msgspec
import redis.asyncio
import uvloop

#: about the size of an event of the journal
PAD = "x" * 400


class Sample(msgspec.Struct):
    """The message that passes from hop to hop."""

    number: int
    text: str = PAD


decode = msgspec.json.Decoder(Sample).decode
encode = msgspec.json.Encoder().encode


def rows(reply: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """The entries of one stream, in either form that redis-py returns."""
    found: list[tuple[bytes, dict[bytes, bytes]]] = []
    for _, entries in reply.items() if isinstance(reply, dict) else reply or ():
        found += entries[0] if entries and isinstance(entries[0], list) else entries
    return found


async def relay(url: str, source: str, target: str) -> None:
    """Forward until killed."""
    client = redis.asyncio.from_url(url, socket_timeout=None)
    await client.xgroup_create(source, "raw", "0", mkstream=True)
    print("ready", flush=True)
    while True:
        for stream_id, fields in rows(await client.xreadgroup("raw", "one", {source: ">"}, count=100, block=0)):
            sample = decode(fields[b"body"])
            await client.xadd(target, {"body": encode(sample)})
            await client.xack(source, "raw", stream_id)


if __name__ == "__main__":
    uvloop.run(relay(*sys.argv[1:]))
