"""A SIP gateway in a process of its own, as it runs in earnest: the stack can be started once a process only."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

_READY_WITHIN_S = 60.0
_ENDED_WITHIN_S = 30.0


@dataclass
class RunningGateway:
    """A gateway that takes calls at ``sip:NAME@127.0.0.1:port``."""

    port: int
    url: str
    process: asyncio.subprocess.Process
    log: Path

    async def healthz(self) -> dict[str, object]:
        async with httpx.AsyncClient(trust_env=False) as http:
            answer: dict[str, object] = (await http.get(f"{self.url}/healthz")).json()
            return answer

    async def metric(self, name: str) -> float:
        async with httpx.AsyncClient(trust_env=False) as http:
            page = (await http.get(f"{self.url}/metrics")).text
        return float(next(line.split()[-1] for line in page.splitlines() if line.startswith(name + " ")))

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    @property
    def said(self) -> str:
        return self.log.read_text("utf-8", "replace")


@asynccontextmanager
async def running_gateway(data_dir: Path, edges: Iterable[str], **settings: object) -> AsyncIterator[RunningGateway]:
    """A gateway for these edges; it shares their data directory, and so their token."""
    port, control = free_ports(2), free_ports(1)
    rtp = free_ports(2)
    chosen = {
        "data_dir": data_dir,
        "sip_edges": ",".join(edges),
        "sip_listen": f"127.0.0.1:{port}",
        "sip_url": f"http://127.0.0.1:{control}",
        "sip_rtp_ports": f"{rtp}-{rtp + 200}",
        "sip_drain_s": 20,
    } | settings
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ORCHESTRA_")}
    environment = inherited | {f"ORCHESTRA_{name.upper()}": str(value) for name, value in chosen.items()}
    log = data_dir / f"gateway-{port}.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "orchestra.cli", "sip", env=environment, stdout=output, stderr=output
        )
    running = RunningGateway(port, f"http://127.0.0.1:{control}", process, log)
    try:
        await _until_ready(running)
        yield running
    finally:
        if process.returncode is None:
            process.kill()
        async with asyncio.timeout(_ENDED_WITHIN_S):
            await process.wait()


async def _until_ready(running: RunningGateway) -> None:
    async with asyncio.timeout(_READY_WITHIN_S):
        while "sip.ready" not in running.said:
            assert running.process.returncode is None, running.said
            await asyncio.sleep(0.02)


def free_ports(count: int) -> int:
    """The first of some ports in a row that are free for UDP and TCP."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            first: int = probe.getsockname()[1]
        if first + count > 65_000:
            continue
        try:
            for port in range(first, first + count):
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    with socket.socket(socket.AF_INET, kind) as each:
                        each.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
