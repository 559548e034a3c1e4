"""kill -9 of the person's edge and of the caller's in a three-way call, and two such calls at once."""

import asyncio
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestra.child_process import die_with_parent
from orchestra.settings import Settings
from orchestra.simulator import Caller, PhoneLine, TransferTarget
from orchestra.simulator.twilio_rest import TwilioRestServer
from orchestra.simulator.twiml import Verb
from orchestra.testing import TestBus
from orchestra_schemas import (
    CallEnded,
    CallResumed,
    CallStarted,
    CallTransferred,
    CallTransferRequested,
    OperatorLeft,
    OperatorTookOver,
    ReplySpoken,
    TurnCompleted,
    UserTurnEnded,
)
from tests.sip.gateways import free_ports
from tests.voice.carriers.office import (
    ACCOUNT,
    APP,
    BRIEFING,
    CALLER_HZ,
    PATIENCE_S,
    PERSON,
    PERSON_HZ,
    heard,
    voice,
)
from tests.voice.edges import AUTH_TOKEN, RunningEdge, running_edge, tone

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(180),
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated:DeprecationWarning"),
]

OTHER_CALLER_HZ, OTHER_PERSON_HZ = 2400, 3100


class Routed(Caller):
    """A telephone whose carrier asks whichever edge is there: ``to`` is its address."""

    to = ""

    async def _ask(self, http: httpx.AsyncClient, url: str, status: str, **extra: str) -> list[Verb]:
        at = httpx.URL(self.to)
        asked = str(httpx.URL(url).copy_with(scheme=at.scheme, host=at.host, port=at.port))
        return await super()._ask(http, asked, status, **extra)


class Town:
    """An edge in this process, another in a process of its own, the carrier, and the telephones.

    Attributes:
        here: the edge in this process.
        there: the address of the other one, which ``kill`` ends.
        persons: the telephones of the persons, in the order in which they are rung.
        rings: what each of them does, and at which edge.

    """

    def __init__(self, here: RunningEdge, there: str, process: Process) -> None:
        self.here, self.there, self._process = here, there, process
        self.persons: list[PhoneLine] = []
        self.rings: list[tuple[str, Callable[[PhoneLine], Awaitable[None]]]] = []
        self.telephones: list[Routed] = []

    async def kill(self) -> None:
        """End the other edge with -9; the carrier asks this one from now on."""
        self._process.kill()
        await self._process.wait()
        for telephone in self.telephones:
            telephone.to = self.here.url

    async def ring(self, order: dict[str, str], sid: str) -> None:
        line, (edge, talk) = PhoneLine(), self.rings[len(self.persons)]
        self.persons.append(line)
        asked = {"from_number": order["From"], "to_number": order["To"], "voice_url": order["Url"]}
        await self._telephone(edge, **asked, answered_by="human", call_sid=sid).call(line, talk)

    async def call(self, edge: str, talk: Callable[[PhoneLine], Awaitable[None]], **caller: Any) -> Any:
        async with asyncio.timeout(2 * PATIENCE_S):
            return await self._telephone(edge, **caller).call(PhoneLine(), talk)

    def _telephone(self, edge: str, **caller: Any) -> Routed:
        telephone = Routed(edge, AUTH_TOKEN, **caller)
        telephone.to = edge
        self.telephones.append(telephone)
        return telephone


@asynccontextmanager
async def town(bus: TestBus, settings: Settings, *hears: str) -> AsyncIterator[Town]:
    found: list[Town] = []

    async def ring(order: dict[str, str], sid: str) -> None:
        await found[0].ring(order, sid)

    async with TwilioRestServer(ACCOUNT, AUTH_TOKEN, ring) as rest:
        account = {"twilio_account_sid": ACCOUNT, "twilio_number": "+15550100", "twilio_api_url": rest.url}
        async with (
            running_edge(bus, settings, *hears, app=APP, **account) as here,
            edge_process(settings.data_dir, hears, redis_url=bus.bus.url, **account) as (process, there),
        ):
            found.append(Town(here, there, process))
            yield found[0]
            async with asyncio.timeout(PATIENCE_S):  # whoever was rung is hung up on
                await asyncio.gather(*rest.calls)


@asynccontextmanager
async def edge_process(folder: Path, hears: tuple[str, ...], **settings: Any) -> AsyncIterator[tuple[Process, str]]:
    url = f"http://127.0.0.1:{(port := free_ports(1))}"
    chosen = {"data_dir": folder, "port": port, "public_url": url, "twilio_auth_token": AUTH_TOKEN, **settings}
    chosen |= {"prerender": False}
    environment = {f"ORCHESTRA_{name.upper()}": str(value) for name, value in chosen.items()}
    with (folder / "edge.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.faults.scripted_edge"),
            env={**os.environ, **environment, "HEARS": "\n".join(hears)},
            cwd=Path(__file__).parents[2],
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent(),
        )
    try:
        async with asyncio.timeout(90), httpx.AsyncClient(trust_env=False) as http:
            while True:
                with suppress(httpx.TransportError):
                    if (await http.get(f"{url}/healthz")).is_success:
                        break
                assert process.returncode is None, (folder / "edge.log").read_text()
                await asyncio.sleep(0.1)
        yield process, url
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def count(bus: TestBus, kind: type[Any], number: int) -> Any:
    """Wait until the journal has so many of these. Returns the last one."""
    async with asyncio.timeout(PATIENCE_S):
        while len(found := await bus.published(kind)) < number:  # noqa: ASYNC110 - an edge publishes them
            await asyncio.sleep(0.02)
    return found[-1]


async def ask_for_a_person(at: Town, line: PhoneLine, number: int = 1, hz: int = CALLER_HZ) -> str:
    """The caller has the agent ask for the person, in the call with this number. Returns its id."""
    call: str = (await count(at.here.bus, CallStarted, number)).call
    await at.here.event(ReplySpoken, call=call, turn=0)
    line.say(voice(hz, 0.4))
    await at.here.event(UserTurnEnded, call=call, turn=1)
    wanted = CallTransferRequested(call=call, turn=1, target=PERSON, briefing=BRIEFING)
    await at.here.bus.publish(wanted, TurnCompleted(call=call, turn=1, agent="a"))
    return call


async def hear_each_other(one: PhoneLine, one_hz: int, other: PhoneLine, other_hz: int) -> None:
    for speaker, hz, listener in ((one, one_hz, other), (other, other_hz, one)):
        before = heard(listener.tracks.agent, hz)
        speaker.say(voice(hz, 1.0))
        enough = before + 0.4
        assert await listener.until(lambda at=listener, hz=hz, least=enough: heard(at.tracks.agent, hz) > least, 30)


@pytest.mark.parametrize("killed", ["person's", "caller's"])
async def test_both_are_together_again_after_an_edge_was_killed(bus: TestBus, settings: Settings, killed: str) -> None:
    over = asyncio.Event()

    async def person_talks(line: PhoneLine) -> None:
        await line.until(over.is_set, 2 * PATIENCE_S)

    async with town(bus, settings, "a person please", "", "") as at:
        of_caller, of_person = (at.here.url, at.there) if killed == "person's" else (at.there, at.here.url)
        at.rings.append((of_person, person_talks))

        async def talk(line: PhoneLine) -> None:
            call = await ask_for_a_person(at, line)
            await at.here.event(ReplySpoken, text=BRIEFING)
            await hear_each_other(line, CALLER_HZ, at.persons[0], PERSON_HZ)
            await at.kill()
            if killed == "person's":
                await count(bus, OperatorTookOver, 2)
            else:
                await at.here.event(CallResumed, call=call)
            assert await line.until(lambda: line.stream is not None, PATIENCE_S)
            await hear_each_other(line, CALLER_HZ, at.persons[0], PERSON_HZ)
            over.set()

        outcome = await at.call(of_caller, talk)
    assert (outcome.how, outcome.streams) == ("caller_hung_up", 1 if killed == "person's" else 2)
    assert len(at.persons) == 1
    assert len(await bus.published(CallEnded)) == 1


async def test_an_edge_that_is_killed_while_the_person_is_rung_leaves_a_transfer(
    bus: TestBus, settings: Settings
) -> None:
    rung, answer = asyncio.Event(), asyncio.Event()

    async def person_talks(line: PhoneLine) -> None:
        await line.until(lambda: False, PATIENCE_S)

    async with town(bus, settings, "a person please") as at:
        at.rings.append((at.here.url, person_talks))
        ring = at.ring

        async def ring_for_long(order: dict[str, str], sid: str) -> None:
            rung.set()
            await answer.wait()
            await ring(order, sid)

        at.ring = ring_for_long  # type: ignore[method-assign]

        async def talk(line: PhoneLine) -> None:
            await ask_for_a_person(at, line)
            await rung.wait()
            await at.kill()
            await at.here.event(CallTransferred, target=PERSON)
            await line.until(lambda: False, PATIENCE_S)

        outcome = await at.call(at.there, talk, transfer_target=TransferTarget(says=tone(0.3)))
        assert (outcome.how, outcome.target, outcome.streams) == ("transferred", PERSON, 1)
        answer.set()  # the first call to the person comes too late, and is over at once
    assert await bus.published(OperatorTookOver) == []
    assert at.persons[0].agent_audible_s == 0


async def test_two_three_way_calls_at_once_one_of_them_across_two_edges(bus: TestBus, settings: Settings) -> None:
    over = asyncio.Event()

    async def person_talks(line: PhoneLine) -> None:
        await line.until(over.is_set, 2 * PATIENCE_S)

    async with town(bus, settings, "a person please", "a person please") as at:
        at.rings += [(at.here.url, person_talks), (at.there, person_talks)]
        lines: list[PhoneLine] = []

        async def talk(line: PhoneLine) -> None:
            lines.append(line)
            hz = (CALLER_HZ, OTHER_CALLER_HZ)[len(lines) - 1]
            call = await ask_for_a_person(at, line, len(lines), hz)
            await at.here.event(ReplySpoken, call=call, text=BRIEFING)
            joined.set()
            await line.until(over.is_set, 2 * PATIENCE_S)

        joined = asyncio.Event()
        first = asyncio.create_task(at.call(at.here.url, talk))
        await asyncio.wait_for(joined.wait(), PATIENCE_S)
        joined.clear()
        second = asyncio.create_task(at.call(at.here.url, talk))
        await asyncio.wait_for(joined.wait(), PATIENCE_S)
        await asyncio.gather(
            hear_each_other(lines[0], CALLER_HZ, at.persons[0], PERSON_HZ),
            hear_each_other(lines[1], OTHER_CALLER_HZ, at.persons[1], OTHER_PERSON_HZ),
        )
        over.set()
        await asyncio.gather(first, second)
    for own, others in ((0, (OTHER_CALLER_HZ, OTHER_PERSON_HZ)), (1, (CALLER_HZ, PERSON_HZ))):
        for hz in others:
            assert heard(lines[own].tracks.agent, hz) == 0
            assert heard(at.persons[own].tracks.agent, hz) == 0
    assert {event.operator for event in await bus.published(OperatorLeft)} <= {PERSON}
    assert len(await bus.published(CallEnded)) == 2
