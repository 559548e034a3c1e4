"""The fixtures that every room's tests share."""

import os
from asyncio import AbstractEventLoop
from collections.abc import Callable, Generator

import pytest
import uvloop

from orchestra.testing import bus, redis_url, settings

__all__ = ["bus", "redis_url", "settings"]


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], AbstractEventLoop]]:
    """Every test runs on the event loop that the processes use."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI everything that a test needs is installed: one that is skipped is missing, and fails."""
    report = yield
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which counts as missing in CI: {report.longrepr}"
    return report
