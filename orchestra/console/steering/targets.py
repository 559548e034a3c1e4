"""Whom a call can be transferred to: the people whom the apps name, their agents, and the apps."""

import asyncio
import time

import msgspec
import structlog

from orchestra.app_phrases import EdgeLines, load_edge_lines
from orchestra.errors import AppError
from orchestra.settings import Settings

_LOG = structlog.get_logger("orchestra.console")

#: the apps are read in a process of their own, which takes a second
_READ_AGAIN_S = 300.0


class Targets(msgspec.Struct, frozen=True):
    """``people``: numbers and SIP addresses, sorted; others can be typed. ``agents``: of each app, by its name."""

    people: tuple[str, ...] = ()
    agents: dict[str, tuple[str, ...]] = {}


class TransferTargets:
    """Knows the targets of the apps that answer calls here. Where they cannot be read there are none to choose from."""

    def __init__(self, settings: Settings) -> None:
        self._app = settings.app
        self._known = Targets()
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def get(self) -> Targets:
        """The targets, read again after some minutes."""
        async with self._reading:
            if time.monotonic() - self._read_at > _READ_AGAIN_S:
                try:
                    self._known = targets_of(await load_edge_lines(self._app))
                except AppError as error:
                    _LOG.warning("console.app_unreadable", app=self._app, error=str(error))
                self._read_at = time.monotonic()
        return self._known


def targets_of(lines: EdgeLines) -> Targets:
    """The people whom these apps and their lines name, and their agents."""
    closed = [rule.closed for rule in lines.plan.rules.values()] if lines.plan is not None else []
    named = {app.transfer_target for app in lines.apps} | {each for each in closed if isinstance(each, str)}
    agents = {app.name: tuple(filter(None, app.endpointing_by_agent)) for app in lines.apps}
    return Targets(tuple(sorted(named - {""})), agents)
