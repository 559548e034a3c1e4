"""Operators whose console is gone no longer count as listeners."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from orchestra.listener_leases import renew
from orchestra.testing import TestBus
from orchestra.voice.edge.absent_listeners import AbsentListeners
from orchestra_schemas import OperatorLeft


@pytest.mark.parametrize("renewed_between", [False, True])
async def test_who_is_missing_at_two_looks_in_a_row_has_left(bus: TestBus, renewed_between: bool) -> None:
    call = bus.call()
    running = cast(
        "Any", SimpleNamespace(id=call, conversation=SimpleNamespace(listeners={("anna", "east"), ("anna", "west")}))
    )
    publisher = bus.bus.publisher("edge")
    listeners = AbsentListeners(bus.bus, publisher, lambda: [running])
    await renew(bus.bus, "west", [(call, "anna")])
    await listeners.look()
    await publisher.flush(5)
    assert await bus.published(OperatorLeft) == []
    if renewed_between:
        await renew(bus.bus, "east", [(call, "anna")])
    await listeners.look()
    await publisher.flush(5)
    left = [] if renewed_between else [("anna", "east", True)]
    assert [(each.operator, each.console, each.listens) for each in await bus.published(OperatorLeft)] == left
    await publisher.close()
