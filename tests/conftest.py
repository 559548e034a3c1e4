"""The fixtures that every room's tests share."""

import os
import sys
from asyncio import AbstractEventLoop
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
import structlog
import uvloop

from orchestra.testing import bus, redis_url, settings
from orchestra.voice.pipeline.pipecat_logging import redirect_pipecat_log

# every process that a test starts would compile all modules anew
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

redirect_pipecat_log()  # before a test imports Pipecat, which greets with a banner

__all__ = ["bus", "redis_url", "settings"]


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], AbstractEventLoop]]:
    """Every test runs on the event loop that the processes use."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(autouse=True)
def _no_logger_outlives_its_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A command that runs in the test process binds no logger for good to a standard error that ends with it."""
    configure, configured = structlog.configure, []

    def without_caching(*arguments: Any, **options: Any) -> None:
        configured.append(True)
        configure(*arguments, **{**options, "cache_logger_on_first_use": False})

    monkeypatch.setattr(structlog, "configure", without_caching)
    yield
    if configured:
        structlog.reset_defaults()


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
