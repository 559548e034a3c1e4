"""Roles of a stack are killed and paused at random while callers talk: each hears every word once, without dead air.

By hand, for a longer run or with the seed of a failed one:
``python -m tests.faults.test_caller_hears_everything --kills 100 --seed 4711``.
"""

import argparse
import asyncio
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from orchestra.bus import Bus
from orchestra.settings import load_settings
from orchestra.stack import RunningStack
from orchestra_schemas import CallEnded, CallStarted, Event
from tests.faults.spoken.caller import SpokenCall
from tests.faults.spoken.kills import ROLES, Kills
from tests.faults.spoken.running import spoken_stack
from tests.faults.spoken.whole_call import verdict_on, write_down

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

KILLS, CALLERS, TURNS = 20, 3, 6


async def talk_while_killed(
    folder: Path, running: RunningStack, *, kills: int, seed: int, roles: Sequence[str] = ROLES
) -> None:
    busiest = 1.0
    killing = Kills(seed, running.url, folder, roles)
    harm = asyncio.create_task(killing.run(kills))
    chance = random.Random(seed)
    calls: list[SpokenCall] = []

    async def callers() -> None:
        while not harm.done():
            call = SpokenCall(chance.randrange(10**9), TURNS)
            calls.append(call)
            await call.make(running.url, running.auth_token)

    async def load() -> None:
        nonlocal busiest
        while True:
            busiest = max(busiest, os.getloadavg()[0] / (os.cpu_count() or 1))
            await asyncio.sleep(5)

    loading = asyncio.create_task(load())
    async with asyncio.TaskGroup() as group:
        for _ in range(CALLERS):
            group.create_task(callers())
    loading.cancel()
    await harm
    bus = await Bus.connect(load_settings().model_copy(update={"redis_url": running.redis_url}))
    try:
        journals = await journals_of(bus)
    finally:
        await bus.close()
    write_down(folder, calls, journals)
    wrong = [line for call in calls for line in verdict_on(call, journals[call.sid], busiest)]
    deeds = Counter((folder / "deeds").read_text().splitlines())
    wrong += [f"{deed}: ordered {times} times" for deed, times in deeds.items() if times > 1]
    silences = sorted((span.end_s - span.start_s for call in calls for span in call.silences), reverse=True)
    print(  # noqa: T201 - shown on failure
        f"seed {seed}: {dict(killing.done)}; {len(calls)} calls, {sum(len(call.breaks_s) for call in calls)} taken up,"
        f" asked again {sum(call.asked_again for call in calls)} times, {len(deeds)} deeds;"
        f" silences {', '.join(f'{silence:.1f}' for silence in silences[:6])} s; load {busiest:.1f} per core"
    )
    assert not wrong, f"seed {seed}:\n" + "\n".join(wrong)


async def journals_of(bus: Bus) -> dict[str, list[Event]]:
    """Every call's journal by the carrier's call id, once all calls are over or half a minute has passed."""
    deadline = time.monotonic() + 30
    while True:
        journals: dict[str, list[Event]] = {}
        for partition in range(bus.partitions):
            async for entry in bus.entries(partition, "events"):
                if (event := entry.event()) is not None:
                    journals.setdefault(event.call, []).append(event)
        over = (any(isinstance(event, CallEnded) for event in journal) for journal in journals.values())
        if all(over) or time.monotonic() > deadline:
            break
        await asyncio.sleep(0.2)
    return {
        event.provider_call: journal
        for journal in journals.values()
        for event in journal
        if isinstance(event, CallStarted)
    }


async def test_callers_hear_every_word_once_while_every_role_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = int(os.environ.get("KILL_SEED", "0")) or random.SystemRandom().randrange(1, 1_000_000)
    async with spoken_stack(tmp_path, monkeypatch) as running:
        await talk_while_killed(tmp_path, running, kills=KILLS, seed=seed)


async def test_callers_hear_every_word_while_the_embedded_server_is_killed_and_paused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with spoken_stack(tmp_path, monkeypatch) as running:
        await talk_while_killed(tmp_path, running, kills=6, seed=1, roles=("server",))


async def _by_hand(kills: int, seed: int, folder: Path) -> None:
    with pytest.MonkeyPatch.context() as environment:
        async with spoken_stack(folder, environment) as running:
            await talk_while_killed(folder, running, kills=kills, seed=seed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 1_000_000))
    parser.add_argument("--folder", type=Path, help="keeps the logs and the journal; a new one unless given")
    given = parser.parse_args()
    where = given.folder or Path(tempfile.mkdtemp(prefix="orchestra-kills-"))
    print(f"folder {where}, seed {given.seed}", flush=True)  # noqa: T201
    where.mkdir(parents=True, exist_ok=True)
    asyncio.run(_by_hand(given.kills, given.seed, where))
