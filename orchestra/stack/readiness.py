"""When a stack is ready: every edge answers, its workers own every partition, gateway and console answer."""

import asyncio
import socket
import time
from collections.abc import Sequence

import httpx

from orchestra.bus import Bus
from orchestra.bus.worker.presence import present
from orchestra.errors import OrchestraError, ServerError, UsageError
from orchestra.settings import Settings
from orchestra.stack.child import ChildProcess
from orchestra.stack.run_file import RunningStack

_READY_WITHIN_S = 90.0
_LOOK_EVERY_S = 0.05


async def wait_until_ready(
    settings: Settings, started: RunningStack, children: Sequence[ChildProcess], workers: Sequence[str]
) -> None:
    """Wait until calls can be answered.

    Raises:
        UsageError: a process ended at start because of a problem that the operator must fix.
        OrchestraError: a process ended at start for another reason.
        ServerError: it takes longer than 90 s.

    """
    deadline = time.monotonic() + _READY_WITHIN_S
    answered: set[str] = set()
    bus = await Bus.connect(settings)
    try:
        # a new connection each time, since the kernel chooses which edge gets it
        limits = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(base_url=started.url, timeout=2.0, limits=limits) as http:
            while not (
                await _edges_answer(http, answered, len(started.edges))
                and await _workers_own_all(bus, workers)
                and await _answers(settings.sip_url if settings.sip else "")
                and await _answers(started.console)
            ):
                for child in children:
                    if child.process is not None and child.process.returncode is not None:
                        msg = f"{child.name} ended at start: {child.last_words()}"
                        raise _error_of(child.process.returncode)(msg)
                if time.monotonic() > deadline:
                    msg = f"not ready after {_READY_WITHIN_S:.0f} s; " + "; ".join(
                        f"{child.name}: {child.last_words()}" for child in children
                    )
                    raise ServerError(msg)
                await asyncio.sleep(_LOOK_EVERY_S)
    finally:
        await bus.close()


async def worker_joined(bus: Bus, pid: int) -> None:
    """Wait until the worker with this process id on this machine is a member of its groups."""
    host = socket.gethostname()
    while not any((each.pid, each.host) == (pid, host) and each.groups for each in await present(bus)):  # noqa: ASYNC110
        await asyncio.sleep(_LOOK_EVERY_S)


def _error_of(exit_code: int) -> type[OrchestraError]:
    """The error for a process that ended at start: exit code 2 means that the operator must change something."""
    return UsageError if exit_code == 2 else OrchestraError  # noqa: PLR2004 - the command's own code


async def _edges_answer(http: httpx.AsyncClient, answered: set[str], edges: int) -> bool:
    try:
        answer = await http.get("/healthz")
    except httpx.TransportError:
        return False
    if answer.status_code == httpx.codes.OK:
        answered.add(answer.json()["edge"])
    return len(answered) >= edges


async def _workers_own_all(bus: Bus, workers: Sequence[str]) -> bool:
    owned = {(group.group, group.partition) for group in await bus.groups() if group.owner}
    return all((name, partition) in owned for name in workers for partition in range(bus.partitions))


async def _answers(url: str) -> bool:
    """Whether the SIP gateway or the console at this address is ready; without one, there is to be none."""
    if not url:
        return True
    try:
        async with httpx.AsyncClient(timeout=2.0, trust_env=False) as http:
            return (await http.get(f"{url}/healthz")).is_success
    except httpx.TransportError:
        return False
