"""The stack's own queues of a call's audio: seen, and renewed, in a call that goes on."""

import asyncio
import sys

import pytest

from orchestra.simulator.sip import Telephone
from orchestra.sip.stack_queues import Queued, queued_in
from orchestra.voice.audio import mulaw
from tests.sip.gateways import free_ports
from tests.voice.edges import tone

ACCOUNT = b""" tx:   encode: PCMU 8000Hz/1ch ptime=20ms S16LE
       aubuf: wish_sz=320 cur_sz=320 fill_sz=0 [overrun=0 underrun=0] (cur %sms, max 600.00ms, or 0, ur 0)
 rx:   aubuf: wish_sz=320 cur_sz=320 fill_sz=0 [overrun=0 underrun=1] (cur 20.00ms, max 160.00ms)
"""


@pytest.mark.parametrize(
    ("text", "queued"),
    [
        (ACCOUNT % b"440.00", Queued(440.0, 20.0)),
        (ACCOUNT % b"0.00", Queued(0.0, 20.0)),
        ((ACCOUNT % b"40.00").partition(b" rx:")[0], Queued(40.0, None)),
        (b"", None),
    ],
)
def test_the_queues_are_read_from_the_account_of_a_calls_audio(text: bytes, queued: Queued | None) -> None:
    assert queued_in(text) == queued


@pytest.mark.integration
async def test_a_renewed_queue_is_short_and_the_call_is_heard_both_ways() -> None:
    port = free_ports(2)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.sip.renewing_agent", f"{port}", f"{free_ports(20)}", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        assert await process.stdout.readline() == b"ready\n"
        async with Telephone() as ann:
            leg = await ann.call(f"sip:demo@127.0.0.1:{port}")
            assert leg.status == 200
            assert await process.stdout.readline() == b"renewed\n"
            before = len(leg.rtp.heard)
            heard = asyncio.create_task(process.stdout.readline())
            while not heard.done():
                await leg.rtp.send_audio(mulaw.encode(tone(0.02)))
                await asyncio.sleep(0.02)
            assert await heard == b"heard\n"
            assert len(leg.rtp.heard) > before
            assert ann.complaints == []
    finally:
        process.kill()
        await process.wait()
