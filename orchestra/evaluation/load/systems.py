"""The system that is called: the one that runs on this machine, one elsewhere, or one that is started for it."""

import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from orchestra.errors import UsageError
from orchestra.settings import Settings
from orchestra.simulator import SimulatedCaller, simulated_carrier
from orchestra.simulator.new_caller import new_caller
from orchestra.stack import find_running_stack, stack


@dataclass(frozen=True, slots=True)
class CalledSystem:
    """A system that takes calls.

    Attributes:
        address: of its edge, or of its SIP gateway.
        new_caller: makes somebody who calls it; those with another index have another number.
        supervisor: the process that has started its processes; 0: they run elsewhere.

    """

    address: str
    new_caller: Callable[[int], SimulatedCaller]
    supervisor: int = 0


def find_system(settings: Settings, line: str, url: str, to: str) -> CalledSystem | None:
    """The system at ``url``, or the one that runs on this machine; None: there is none.

    Args:
        settings: with the carrier's secrets; Twilio's is known of a system that runs here.
        line: how callers reach it; empty: as the settings' carrier does.
        url: of its edge, or of its gateway (``sip:127.0.0.1:5060``); empty: as the settings say, or what runs here.
        to: what is dialled.

    Raises:
        UsageError: it cannot be called like that; the message says why.

    """
    up = find_running_stack(settings)
    line = line or ("sip" if url.startswith("sip:") else settings.carrier)
    address = url.removeprefix("sip:").rstrip("/") or settings.public_url or (up.url if up else "")
    if line == "sip" and not url and up is not None:
        if not up.sip:
            msg = "the system that runs here takes no calls by SIP: start it with `orchestra up --sip`"
            raise UsageError(msg)
        address = up.sip
    if not address:
        return None
    if up is not None and not settings.twilio_auth_token.get_secret_value():
        settings = settings.model_copy(update={"twilio_auth_token": type(settings.twilio_auth_token)(up.auth_token)})
    _caller(settings, line, address, to, 0)  # what is missing is said before anybody calls
    runs_here = up is not None and address in (up.url.rstrip("/"), up.sip)
    return CalledSystem(address, partial(_caller, settings, line, address, to), up.pid if up and runs_here else 0)


@asynccontextmanager
async def started_system(settings: Settings, line: str, to: str) -> AsyncIterator[CalledSystem]:
    """A system with a server and data of its own, which are gone after the block."""
    line = line or "twilio"
    async with simulated_carrier(line) as carrier:
        with tempfile.TemporaryDirectory(prefix="orchestra-load-") as folder:
            own = {"redis_url": None, "embedded_port": 0, "port": 0, "public_url": None, "data_dir": folder}
            settings = Settings.model_validate(settings.model_dump() | own | carrier.settings)
            async with stack(settings, logs=Path(folder) / "logs") as running:
                address = running.sip if line == "sip" else running.url
                making = (
                    (lambda _: carrier.caller(address, None))  # by the network that commands the edge's calls
                    if line == "telnyx"
                    else partial(_caller, settings, line, address, to)
                )
                yield CalledSystem(address, making, running.pid)


def _caller(settings: Settings, line: str, address: str, to: str, index: int) -> SimulatedCaller:
    return new_caller(settings, line, address, number=f"+1555{index % 10_000_000:07}", to=to)
