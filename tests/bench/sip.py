"""What the SIP gateway costs: the delay it adds, its share of a core, and whether either grows during long calls.

::

    telephone ──RTP──▶ gateway ──WebSocket──▶ edge: echoes each loud frame at once, then speaks quietly for 1.5 s
        in: a packet is sent → its samples are at the edge        out: the edge sends samples → their packet comes

Telephones, gateway and edge are processes of their own on one monotonic clock, and the kernel stamps what the
telephones receive. ``added_p50_ms`` is the sum of both ways; ``growth_ms`` is the last minute's median less the first
one's (in runs of less than two minutes: of the halves); ``cpu_ms_per_call_s`` counts all threads of the gateway. With
``--busy`` as many processes keep cores busy meanwhile: real-time priority shows there.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import uvloop

from orchestra.simulator.sip import HeardPacket, Leg, Telephone
from orchestra.voice.audio import mulaw
from tests.sip.gateways import RunningGateway, running_gateway

FRAME_S = 0.02
_ROOT = Path(__file__).parents[2]
_LOUD = mulaw.encode(np.tile(np.array([28_000, -28_000], np.int16), 80))
_SILENT = bytes([mulaw.SILENCE]) * 160
#: codes of µ-law that are louder than anything but the echo
_LOUD_CODE = 0x0F
_EVERY_S = (2.5, 3.5)
_ECHO_WITHIN_S = 2.0
_SETTLE_S = 2.0
_PRIORITY = 1
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Call:
    """One telephone's call: when it sent its loud frames, and when their echoes came."""

    leg: Leg
    number: str
    sent_s: list[float] = field(default_factory=list)
    echoed_s: list[float] = field(default_factory=list)

    def heard(self, packet: HeardPacket) -> None:
        if not any((code & 0x7F) <= _LOUD_CODE for code in packet.payload):
            return
        if not self.echoed_s or packet.at_s - self.echoed_s[-1] > 1.0:
            self.echoed_s.append(packet.at_s)

    async def talk(self) -> None:
        """Send a frame each 20 ms, and now and then a loud one."""
        began, number = time.monotonic(), 0
        due_s = began + random.uniform(*_EVERY_S)
        while not self.leg.end:
            number += 1
            await asyncio.sleep(max(0.0, began + number * FRAME_S - time.monotonic()))
            loud = time.monotonic() >= due_s
            await self.leg.rtp.send_audio(_LOUD if loud else _SILENT)
            if loud:
                self.sent_s.append(self.leg.rtp.sent_s)
                due_s = self.leg.rtp.sent_s + random.uniform(*_EVERY_S)


class Process:
    """The gateway's use of the machine, from /proc."""

    def __init__(self, pid: int) -> None:
        self._proc = Path(f"/proc/{pid}")

    @property
    def cpu_s(self) -> float:
        fields = (self._proc / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * _TICK_S

    @property
    def mb(self) -> float:
        return int((self._proc / "statm").read_text().split()[1]) * _PAGE / 1e6


@asynccontextmanager
async def child(*command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        env=os.environ | {"PYTHONPATH": str(_ROOT)},
        stdin=pipe,
        stdout=pipe,
        limit=2**26,  # the delays of ten minutes are one line
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def measure(calls: int, seconds: float, busy: int) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        edge = await stack.enter_async_context(child(str(Path(__file__).with_name("_sip_edge.py")), str(folder)))
        assert edge.stdout is not None
        url = (await edge.stdout.readline()).decode().strip()
        gateway = await stack.enter_async_context(running_gateway(folder, [url], sip_max_calls=calls))
        talking = [await begin(stack, gateway, f"+1555{number:04}") for number in range(calls)]
        tasks = [asyncio.create_task(call.talk()) for call in talking]
        for _ in range(busy):
            await stack.enter_async_context(child("-c", "while True: pass"))
        await asyncio.sleep(_SETTLE_S)
        process = Process(gateway.process.pid)
        cpu_s, mb, began_s = process.cpu_s, process.mb, time.monotonic()
        await asyncio.sleep(seconds)
        used = {
            "cpu_ms_per_call_s": round((process.cpu_s - cpu_s) * 1000 / (time.monotonic() - began_s) / calls, 1),
            "mb_at_start": round(mb, 1),
            "mb_at_end": round(process.mb, 1),
        }
        ended_s, ended = time.monotonic(), sum(bool(call.leg.end) for call in talking)
        echoes = await read(edge)
        for task in tasks:
            task.cancel()
    delays = [delay for call in talking for delay in matched(call, echoes.get(call.number, []))]
    answered = sum(delay.sent_s < ended_s - _ECHO_WITHIN_S for delay in delays)
    packets = [gap for call in talking for gap in gaps_ms(call.leg)]
    return {
        "calls": calls,
        "seconds": round(seconds),
        **used,
        **summary(delays, began_s, seconds),
        "gap_p99_ms": round(percentile(packets, 0.99), 1),
        "lost_packets": sum(call.leg.rtp.lost for call in talking),
        "unanswered": sum(sent_s < ended_s - _ECHO_WITHIN_S for call in talking for sent_s in call.sent_s) - answered,
        "ended": ended,
        "busy": busy,
        "load": round(os.getloadavg()[0], 1),
    }


async def begin(stack: AsyncExitStack, gateway: RunningGateway, number: str) -> Call:
    phone = await stack.enter_async_context(Telephone(user=number))
    leg = await phone.call(f"sip:demo@127.0.0.1:{gateway.port}")
    assert leg.status == 200, f"the gateway refuses a call: {leg.status}"
    call = Call(leg, number)
    phone.on_audio = lambda _, packet: call.heard(packet)
    return call


async def read(edge: asyncio.subprocess.Process) -> dict[str, list[tuple[float, float]]]:
    assert edge.stdin is not None
    assert edge.stdout is not None
    edge.stdin.write(b"\n")
    found: dict[str, list[tuple[float, float]]] = json.loads(await edge.stdout.readline())
    return found


@dataclass(frozen=True)
class Delay:
    """Of one loud frame, in ms, and when it was sent."""

    sent_s: float
    in_ms: float
    out_ms: float


def matched(call: Call, at_edge: list[tuple[float, float]]) -> list[Delay]:
    """The frames that reached the edge and came back."""
    found = []
    for sent_s in call.sent_s:
        inward = next((each for each in at_edge if 0 <= each[0] - sent_s < _ECHO_WITHIN_S), None)
        back_s = next((at for at in call.echoed_s if inward and 0 <= at - inward[1] < _ECHO_WITHIN_S), None)
        if inward is not None and back_s is not None:
            found.append(Delay(sent_s, (inward[0] - sent_s) * 1000, (back_s - inward[1]) * 1000))
    return found


def gaps_ms(leg: Leg) -> list[float]:
    """Between one packet and the next, as the telephone received them."""
    times = [packet.at_s for packet in leg.rtp.heard[50:]]
    return [(after - before) * 1000 for before, after in pairwise(times)]


def summary(delays: list[Delay], began_s: float, seconds: float) -> dict[str, Any]:
    if not delays:
        return {"added_p50_ms": None}
    window_s = 60.0 if seconds >= 120.0 else seconds / 2
    windows: dict[int, list[Delay]] = {}
    for each in delays:
        windows.setdefault(max(0, int((each.sent_s - began_s) // window_s)), []).append(each)
    in_time = [windows[at] for at in sorted(windows)]
    medians = [round(statistics.median(each.in_ms + each.out_ms for each in window), 1) for window in in_time]
    inward, outward = [each.in_ms for each in delays], [each.out_ms for each in delays]
    both = [each.in_ms + each.out_ms for each in delays]
    return {
        "in_p50_ms": round(statistics.median(inward), 1),
        "in_p99_ms": round(percentile(inward, 0.99), 1),
        "out_p50_ms": round(statistics.median(outward), 1),
        "out_p99_ms": round(percentile(outward, 0.99), 1),
        "added_p50_ms": round(statistics.median(both), 1),
        "added_p99_ms": round(percentile(both, 0.99), 1),
        "in_by_window_ms": [round(statistics.median(each.in_ms for each in window), 1) for window in in_time],
        "out_by_window_ms": [round(statistics.median(each.out_ms for each in window), 1) for window in in_time],
        "added_by_window_ms": medians,
        "growth_ms": round(medians[-1] - medians[0], 1),
        "echoes": len(delays),
    }


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else 0.0


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench sip", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--calls", type=int, default=10, help="calls at a time")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long they are measured")
    parser.add_argument("--busy", type=int, default=0, help="processes that keep cores busy meanwhile")
    options = parser.parse_args(arguments)
    with suppress(PermissionError):  # telephones send evenly, however busy the machine is
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(_PRIORITY))
    result = uvloop.run(measure(options.calls, options.seconds, options.busy))
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for key, value in result.items():
        print(f"{key:24} {value}")
