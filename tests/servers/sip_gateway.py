"""A SIP gateway (`orchestra sip`) in a process of its own, between this machine's telephones and given edges."""

import asyncio
import contextlib
import os
import re
import secrets
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

import httpx

from tests.servers.free_ports import HOST, free_ports

_ROOT = Path(__file__).parents[2]
_READY_WITHIN_S = 60.0
_ENDS_WITHIN_S = 20.0
_RTP_PORTS = 120


class SipGateway:
    """One gateway.

    Args:
        folder: of its data and its log.
        host: where its SIP listens.
        command: in front of its own: ``ip netns exec …``.
        settings: more of them, by their names without the prefix: ``sip_max_calls="1"``.

    Attributes:
        token: the secret that its edges must have as ``sip_token``.

    """

    def __init__(self, folder: Path, *, host: str = HOST, command: Sequence[str] = (), **settings: str) -> None:
        self.token = secrets.token_hex(32)
        self.port, self._rtp = free_ports(4), free_ports(_RTP_PORTS)
        self._host, self._command, self._folder = host, command, folder
        self.url = f"http://{HOST}:{self.port + 2}"
        chosen = {
            "sip": "1", "sip_listen": f"{host}:{self.port}", "sip_url": self.url, "sip_token": self.token,
            "sip_rtp_ports": f"{self._rtp}-{self._rtp + _RTP_PORTS - 1}",
            "data_dir": str(folder / "gateway"), "log_level": "info",
        } | settings  # fmt: skip
        self._log = folder / "gateway.log"
        self._environment = {f"ORCHESTRA_{name.upper()}": value for name, value in chosen.items()}

    @property
    def edge_settings(self) -> dict[str, object]:
        """Settings of an edge that takes its calls."""
        return {"sip": True, "sip_token": self.token, "sip_url": self.url}

    def target(self, user: str = "demo", transport: str = "") -> str:
        """The address at which one calls it."""
        port = self.port + (transport == "tls")
        return f"sip:{user}@{self._host}:{port}" + (f";transport={transport}" if transport else "")

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    @property
    def log(self) -> str:
        """What it logged."""
        return self._log.read_text(errors="replace")

    @asynccontextmanager
    async def running(self, *edges: str) -> AsyncIterator[Self]:
        """Run it in front of the edges at these addresses, from when it is ready to the end of the block."""
        self._folder.mkdir(parents=True, exist_ok=True)
        environment = os.environ | {"PYTHONPATH": str(_ROOT), "ORCHESTRA_SIP_EDGES": ",".join(edges)}
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, sys.executable, "-m", "orchestra.cli", "sip",
                env=environment | self._environment, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            async with asyncio.timeout(_READY_WITHIN_S):
                while "sip.ready" not in self.log:
                    assert self._process.returncode is None
                    await asyncio.sleep(0.05)
            yield self
        except BaseException:
            sys.stderr.write(f"--- the gateway's log\n{self.log[-4000:]}\n")
            raise
        finally:
            self.kill()
            await self._process.wait()

    def kill(self) -> None:
        """Kill it."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def drain(self) -> None:
        """Ask it to end."""
        self._process.terminate()

    async def ended(self) -> int:
        """Wait until it has ended. Returns its exit code."""
        async with asyncio.timeout(_ENDS_WITHIN_S):
            return await self._process.wait()

    async def metric(self, name: str) -> float:
        """The sum of a metric over its labels."""
        async with httpx.AsyncClient(trust_env=False) as http:
            page = (await http.get(f"{self.url}/metrics")).text
        return sum(float(found[1]) for found in re.finditer(rf"^{name}(?:{{[^}}]*}})? (\S+)$", page, re.MULTILINE))
