"""Hosts that have no calls are cut off from what they need: they say so, and come back by themselves."""

import asyncio
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import httpx
import pytest
import pytest_asyncio

from orchestra.bus import Bus
from orchestra.settings import Settings
from orchestra_schemas import CallEnded, CallStarted, Event, OperatorSaid, ReplySpoken
from tests.console.consoles import as_operator, token_file
from tests.hosts.carrier import balanced
from tests.hosts.network import Host, Network, lacking, network
from tests.hosts.rig import LEASE_MS, PORT, answers, start_redis
from tests.servers.first_answer import first_answer
from tests.servers.webhook_receiver import SECRET, WebhookReceiver

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(120),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(bool(lacking()), reason=lacking()),
]

HEALTH_PORT, CONSOLE_PORT, RECEIVER_PORT = 9100, 8470, 8482
CALLS, REPLIES = 20, 8


@dataclass
class Others:
    """The hosts, the receiver of the webhooks, and what was published."""

    network: Network
    bus: Bus
    receiver: WebhookReceiver
    http: httpx.AsyncClient
    published: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    async def calls(self) -> None:
        """Publish some calls side by side."""
        publisher, calls = self.bus.publisher("load"), [self.bus.new_call() for _ in range(CALLS)]
        for turn in range(REPLIES + 2):
            for call in calls:
                said: Event = ReplySpoken(call=call, turn=turn, text=f"Reply {turn}.")
                begun, over = CallStarted(call=call, app="shop"), CallEnded(call=call, reason="caller_hung_up")
                event = {0: begun, REPLIES + 1: over}.get(turn, said)
                self.published[call].append(publisher.publish(event).id)
            await asyncio.sleep(0.1)
        await publisher.flush(20)

    async def arrived(self) -> None:
        """Wait until all that was published is delivered, and check its order."""
        count = sum(map(len, self.published.values()))
        await self.receiver.until(lambda: len(self.receiver.arrived_at) >= count, 40)
        got: dict[str, list[str]] = defaultdict(list)
        for message in self.receiver.once():
            got[message["data"]["call"]].append(message["data"]["id"])
        assert got == self.published
        assert not self.receiver.refused

    async def health(self, host: Host, wanted: int, words: str = "") -> None:
        """Wait until a worker says that it works, or that it does not, and why."""
        async with asyncio.timeout(30):
            while True:
                answer = await self.http.get(f"http://{host.address}:{HEALTH_PORT}/healthz")
                if answer.status_code == wanted and words in answer.text:
                    return
                await asyncio.sleep(0.1)

    async def shared(self) -> None:
        """Wait until both workers have partitions."""
        async with asyncio.timeout(60):  # other processes take them
            while len({each.owner for each in await self.bus.groups()} - {""}) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def console_knows(self, redis: bool) -> str:
        """Wait until the console says that Redis answers, or does not; returns the reason."""
        url = f"http://{self.network.hosts['console'].address}:{CONSOLE_PORT}"
        async with asyncio.timeout(30):
            while (await self.http.get(f"{url}/healthz")).json()["redis"] is not redis:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        answer = (await self.http.get(f"{url}/api/health", headers=as_operator("read"))).json()
        assert answer["redis"] is redis
        return str(answer["problem"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def others(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Others]:
    folder = tmp_path_factory.mktemp("others")
    async with AsyncExitStack() as stack:
        net = stack.enter_context(network(folder, "redis", "here", "hooks-1", "hooks-2", "console"))
        redis, here, *hooks, console = net.hosts.values()
        start_redis(redis)
        stack.enter_context(net.inside(here))
        receiver = await stack.enter_async_context(WebhookReceiver())
        await stack.enter_async_context(balanced(RECEIVER_PORT, ("127.0.0.1", httpx.URL(receiver.url).port or 0)))
        await answers(redis)
        url = f"redis://{redis.address}:{PORT}"
        file = folder / "webhooks.toml"
        file.write_text(
            f'[crm]\nurl = "http://{here.address}:{RECEIVER_PORT}/hooks"\nsecret_env = "SECRET"\n'
            'events = ["call.started", "reply.spoken", "call.ended"]'
        )
        common = {
            "ORCHESTRA_REDIS_URL": url, "ORCHESTRA_LEASE_MS": str(LEASE_MS), "ORCHESTRA_WEBHOOKS": str(file),
            "ORCHESTRA_WEBHOOKS_PRIVATE": "true", "ORCHESTRA_CONSOLE_HOST": "0.0.0.0",
            "ORCHESTRA_CONSOLE_TOKENS": str(token_file(folder)), "SECRET": SECRET,
        }  # fmt: skip
        listening = ("--health-port", str(HEALTH_PORT), "--health-host", "0.0.0.0")
        for host in hooks:
            _start(host, "worker", "webhooks", *listening, **common)
        _start(console, "console", **common)
        bus = await Bus.connect(Settings(redis_url=url, data_dir=folder))
        stack.push_async_callback(bus.close)
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=5))
        made = Others(net, bus, receiver, http)
        async with asyncio.timeout(60):
            await made.shared()
            for host, port in ((hooks[0], HEALTH_PORT), (hooks[1], HEALTH_PORT), (console, CONSOLE_PORT)):
                await first_answer(http, f"http://{host.address}:{port}/healthz")
        yield made


def _start(host: Host, *command: str, **environment: str) -> None:
    host.start(
        [sys.executable, "-m", "orchestra.cli", *command],
        command[0],
        ORCHESTRA_DATA_DIR=str(host.folder),
        **environment,
    )


async def test_webhooks_go_on_from_the_host_that_reaches_redis_and_wait_while_none_does(others: Others) -> None:
    """A receiver that drops what it knows gets every event once, in the order of its call."""
    redis, one, two = (others.network.hosts[name] for name in ("redis", "hooks-1", "hooks-2"))
    load = asyncio.create_task(others.calls())
    await others.receiver.until(lambda: len(others.receiver.arrived_at) > 40)
    others.network.cut(one, redis)
    await load
    await others.arrived()
    others.network.cut(two, redis)
    await others.calls()
    for host in (one, two):
        await others.health(host, 503, "no contact with Redis")
    others.network.heal()
    await others.arrived()
    for host in (one, two):
        await others.health(host, 200)
    await others.shared()
    await others.calls()
    await others.arrived()
    sent, known = len(others.receiver.delivered), sum(map(len, others.published.values()))
    assert sent < known * 1.1, "more than what was on its way was delivered twice"


async def test_a_console_that_cannot_reach_redis_says_so_and_what_an_operator_asks_for_is_done_once(
    others: Others,
) -> None:
    redis, console = others.network.hosts["redis"], others.network.hosts["console"]
    call, publisher = others.bus.new_call(), others.bus.publisher("edge")
    publisher.publish(CallStarted(call=call, app="shop"))
    await publisher.flush(10)
    url = f"http://{console.address}:{CONSOLE_PORT}/api/calls/{call}/say"

    async def say(text: str, request: str) -> httpx.Response:
        asked = {"request": request, "text": text}
        return await others.http.post(url, json=asked, headers=as_operator("operate"), timeout=30)

    await others.console_knows(redis=True)
    assert (await say("One moment.", "request-0001")).json()["done"] is True
    others.network.cut(console, redis, only_to=True)  # the command arrives, and its answer does not
    assert (await say("Are you there?", "request-0002")).status_code == 503
    assert await others.console_knows(redis=False)
    others.network.heal()
    assert not await others.console_knows(redis=True)
    assert (await say("Are you there?", "request-0002")).json()["done"] is True
    said = [event.text for event in await others.bus.journal(call) if isinstance(event, OperatorSaid)]
    assert said == ["One moment.", "Are you there?"]
