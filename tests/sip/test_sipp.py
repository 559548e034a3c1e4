"""SIPp calls through the gateway: several calls at once, codecs that nobody speaks."""

import asyncio
import shutil
from pathlib import Path

import pytest

from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import CallEnded, CallStarted
from tests.servers.free_ports import free_ports
from tests.sip.sip_line import PATIENCE_S, SipLine, hear_greeting, sip_line

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("sipp") is None, reason="Debian's sip-tester is not installed"),
]

_SCENARIOS = Path(__file__).with_name("scenarios")


async def sipp(line: SipLine, folder: Path, scenario: str, *options: str) -> None:
    """Play a scenario; an AssertionError shows the messages of calls that went otherwise."""
    command = (
        "sipp", f"127.0.0.1:{line.gateway.port}", "-sf", str(_SCENARIOS / f"{scenario}.xml"), "-s", "load",
        "-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", str(free_ports(2)), "-mp", str(free_ports(40)),
        "-nostdin", "-trace_err", "-timeout", "50s", "-timeout_error", *options,
    )  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            printed, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, _errors(folder) or printed[-3000:].decode(errors="replace")


def _errors(folder: Path) -> str:
    return "\n".join(path.read_text(errors="replace") for path in folder.glob("*_errors.log"))[-3000:]


async def all_ended(bus: TestBus, calls: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while len(await bus.published(CallEnded)) < calls:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("transport", ["u1", "t1"])
async def test_calls_at_once_each_run_to_their_end(
    bus: TestBus, settings: Settings, tmp_path: Path, transport: str
) -> None:
    async with sip_line(bus, settings) as line:
        await sipp(line, tmp_path, "call", "-m", "6", "-r", "3", "-t", transport)
        await all_ended(bus, 6)
    assert len({event.provider_call for event in await bus.published(CallStarted)}) == 6
    assert {event.reason for event in await bus.published(CallEnded)} == {"caller_hung_up"}


async def test_an_offer_of_codecs_that_nobody_speaks_is_refused(
    bus: TestBus, settings: Settings, tmp_path: Path
) -> None:
    async with sip_line(bus, settings) as line:
        await sipp(line, tmp_path, "refused", "-m", "1")
        assert (await line.call(hear_greeting)).how == "caller_hung_up"
    assert len(await bus.published(CallStarted)) == 1
