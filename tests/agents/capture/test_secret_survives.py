"""kill -9 of a worker while it understands a secret answer, or uses it: asked once, charged once, nothing in clear."""

import re
import time
from collections import Counter
from pathlib import Path

import pytest

from orchestra.bus.vault import WORDS, Vault
from orchestra.storage.secrets import vault_key
from orchestra.testing import TestBus
from orchestra_schemas import SECRET, CallStarted, ReplyChunk, ToolRequested, UserTurnEnded
from tests.agents.capture.secret_call import everything_stored
from tests.agents.capture.test_ask_survives import turn_over
from tests.agents.test_kill import Workers

pytestmark = pytest.mark.faults

WORDS_SAID = ("send it again", "5105 1051 0510", "5100", "05/31", "987", "yes")
SAID = [
    "Which card?",
    "Go on, please.",
    "And until when is it valid, month and year?",
    "And the security code of the card?",
    "The card that ends in 5 1 0 0. Is that right?",
    "It is sent.",
]


async def requested(bus: TestBus, call: str, turn: int) -> None:
    """Wait until a tool is asked for in this turn."""
    async for entry in bus.bus.follow(since="0"):
        event = entry.event()
        if isinstance(event, ToolRequested) and event.call == call and event.turn == turn:
            return


@pytest.mark.parametrize(("group", "dies_in"), [("execution", 3), ("orchestration", 4), ("execution", 6)])
async def test_a_worker_that_dies_with_a_secret_answer_leaves_nothing_and_loses_nothing(
    bus: TestBus, redis_url: str, tmp_path: Path, group: str, dies_in: int
) -> None:
    call, vault = bus.call(), Vault(bus.bus, vault_key(bus.bus.settings))
    async with Workers(bus, redis_url, tmp_path, targets="tests.agents.capture.secret_targets").both() as workers:
        await bus.publish(CallStarted(call=call))
        for turn, words in enumerate(WORDS_SAID, 1):
            vault.keep(call, f"{WORDS}{turn}", words)
            text = words if turn == 1 else SECRET
            await bus.publish(UserTurnEnded(call=call, turn=turn, text=text, at=time.time()))
            if turn == dies_in:
                await requested(bus, call, turn)
                await workers.kill(group)
                await workers.start(group)
            await turn_over(bus, call, turn)
        charged = workers.file.read_text(encoding="utf-8").splitlines()
    journal = await bus.published(None, call)
    assert {event_id for event_id, count in Counter(event.id for event in journal).items() if count > 1} == set()
    assert [
        event.text.replace("five one zero zero", "5 1 0 0") for event in journal if isinstance(event, ReplyChunk)
    ] == SAID
    assert set(charged) == {"5105105105105100 2031-05 987"}
    for name, stored in (await everything_stored(bus)).items():
        for value in ("5105105105105100", "5105 1051", "987", "05/31"):
            assert not re.search(rf"(?<![\w.:-]){value}(?![\w-])", stored), f"{value} is in {name}"
