"""The fixtures that every room's tests share."""

from asyncio import AbstractEventLoop
from collections.abc import Callable

import pytest
import uvloop

from orchestra.testing import bus, redis_url, settings

__all__ = ["bus", "redis_url", "settings"]


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], AbstractEventLoop]]:
    """Every test runs on the event loop that the processes use."""
    return {"uvloop": uvloop.new_event_loop}
