"""Calls from a browser: the requests of a page and its WebSocket, and who is refused."""

import asyncio
import contextlib
import time
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from orchestra.errors import RejectedError
from orchestra.settings import Settings
from orchestra.storage.secrets import link_key
from orchestra.testing import TestBus
from orchestra.voice.audio.clock import CallClock
from orchestra.voice.carriers.browser.stream import BrowserStream
from orchestra.voice.carriers.browser.visitors import WidgetClaims, WidgetKeys
from orchestra.voice.carriers.media_socket import MediaSocket
from orchestra.voice.carriers.port import AudioReceived
from orchestra_schemas import (
    AudioChunk,
    CallEnded,
    CallResumed,
    CallStarted,
    CallTransferRequested,
    DigitPressed,
    ReplyInterrupted,
    ReplySpoken,
    SentenceSpoken,
    ToolRequested,
    TransferFailed,
    TurnCompleted,
    UserTurnEnded,
)
from tests.voice.carriers.browser_client import LOUD, Page
from tests.voice.edges import Greeting, running_edge

SITE = "https://shop.example.com"
LONG = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen."


@pytest.mark.parametrize("rate", [8_000, 16_000])
async def test_a_page_hears_the_greeting_speaks_and_hangs_up(bus: TestBus, settings: Settings, rate: int) -> None:
    async with running_edge(bus, settings, "hello you") as running:
        page = Page(running.url, rate)
        assert (await page.ask()).status_code == 200
        async with page.stream() as socket:
            assert (await running.event(ReplySpoken)).text == "Hello there."
            await page.say(page.tone(0.4) + page.silence(1.0))
            ended = await running.event(UserTurnEnded, turn=1)
            assert (await page.until_captions(of="caller", turn=1, text="hello you")) is not None
            await socket.send('{"type":"digit","digit":"5"}')
            await running.event(DigitPressed, digit="5")
            await socket.send('{"type":"stop"}')
            over = await running.event(CallEnded)
            await socket.wait_closed()
        assert (ended.text, over.reason, socket.close_code) == ("hello you", "caller_hung_up", 1000)
        assert (await running.event(CallStarted)).provider_call == page.step["call_key"]
        assert page.loudest > LOUD
        # two words of 100 ms each, and no silence that was not said
        assert len(page.heard) / 2 / rate == pytest.approx(0.2, abs=0.1)
        assert {chunk.sample_rate for chunk in await bus.published(AudioChunk)} == {rate}
        assert (await page.ask_next()).json() == {"step": "hang_up"}


async def test_a_caller_who_speaks_over_the_agent_has_the_page_drop_its_audio(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, "stop please", app=Greeting(greeting=LONG)) as running:
        page = Page(running.url)
        await page.ask()
        async with page.stream():
            async with asyncio.timeout(45):
                while len(page.heard) < page.rate:  # half a second
                    await page.say(page.silence(0.1))
            await page.say(page.tone(0.6) + page.silence(1.0))
            cut = await running.event(ReplyInterrupted)
        assert 0 < len(cut.heard) < len(LONG)
        assert page.cleared > 0


async def test_a_stream_that_breaks_is_continued_by_the_next_one(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, reconnect_s=30) as running:
        page = Page(running.url)
        await page.ask()
        async with page.stream() as socket:
            await running.event(ReplySpoken)
            socket.transport.abort()
        step = (await page.ask_next()).json()
        assert (step["step"], step["resumed"], step["stream"]) == ("connect", True, 1)
        async with page.stream() as socket:
            await running.event(CallResumed)
            await socket.send('{"type":"stop"}')
            assert (await running.event(CallEnded)).reason == "caller_hung_up"


async def test_a_transfer_fails_and_the_agents_have_the_call_again(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, "a person please") as running:
        page = Page(running.url)
        await page.ask()
        async with page.stream() as socket:
            await running.event(ReplySpoken)
            await page.say(page.tone(0.4) + page.silence(1.0))
            call = (await running.event(UserTurnEnded, turn=1)).call
            transfer = CallTransferRequested(call=call, turn=1, target="+15550003")
            await bus.publish(transfer, TurnCompleted(call=call, turn=1, agent="a"))
            await socket.wait_closed()
        assert (await page.ask_next()).json()["step"] == "connect"
        assert (await running.event(TransferFailed)).reason == "unsupported"
        async with page.stream() as socket:
            await running.event(ReplySpoken, text="Nobody is there.")


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "voice.example.com"},
        {"X-Forwarded-For": "203.0.113.9"},
        {"Forwarded": "for=203.0.113.9"},
        {"Origin": SITE},
        {"Origin": "null"},
    ],
    ids=lambda headers: next(iter(headers)),
)
async def test_a_page_from_elsewhere_needs_a_key(bus: TestBus, settings: Settings, headers: dict[str, str]) -> None:
    async with running_edge(bus, settings) as running:
        answer = await Page(running.url, headers=headers).ask()
        assert answer.status_code == 403
        assert await bus.published(CallStarted) == []


def a_key(settings: Settings, **changed: Any) -> str:
    claims = {"line": "web", "origins": (SITE,), "calls_a_day": 100, "calls_a_minute": 100, "expires": 2**32} | changed
    return WidgetKeys(link_key(settings)).issue(WidgetClaims(**claims))


async def test_a_site_with_a_key_calls_its_line(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, "my secret wish") as running:
        headers = {"Origin": SITE, "Host": "voice.example.com", "X-Forwarded-For": "203.0.113.9"}
        page = Page(running.url, key=a_key(settings), headers=headers)
        answer = await page.ask(line="another")
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, SITE)
        async with page.stream():
            started = await running.event(CallStarted)
            await running.event(ReplySpoken)
            await page.say(page.tone(0.4) + page.silence(1.0))
            await bus.publish(ToolRequested(call=started.call, turn=1, agent="a", name="refund", tool_call_id="1"))
            await page.until_captions(of="caller", text="my secret wish")
            await bus.publish(SentenceSpoken(call=started.call, turn=1, text="After the tool."))
            await page.until_captions(of="agent", sentence="After the tool.")
        assert started.to_number == "web"
        assert {told["of"] for told in page.captions} <= {"caller", "agent"}  # and nothing of tools, agents, waits


@pytest.mark.parametrize(
    ("changed", "origin"),
    [
        ({}, "https://other.example.com"),
        ({}, ""),
        ({"expires": int(time.time()) - 1}, SITE),
        ({"calls_a_day": 0}, SITE),
        ({"calls_a_minute": 0}, SITE),
    ],
    ids=["another site", "no site", "expired", "day used up", "minute used up"],
)
async def test_a_key_is_good_for_its_sites_time_and_quota(
    bus: TestBus, settings: Settings, changed: dict[str, Any], origin: str
) -> None:
    async with running_edge(bus, settings) as running:
        page = Page(running.url, key=a_key(settings, **changed), headers={"Origin": origin} if origin else {})
        assert (await page.ask()).status_code == 403


async def test_a_key_that_was_changed_or_is_of_another_installation_is_refused(
    bus: TestBus, settings: Settings
) -> None:
    ours = a_key(settings)
    body, _, signature = ours.partition(".")
    other = WidgetKeys(b"another").issue(WidgetClaims("web", (SITE,), 1, 1, 2**32))
    async with running_edge(bus, settings) as running:
        for key in (other, f"{body[:-2]}00.{signature}", f"{body}.", "x.y", "é" * 10, "7b7d." + signature, body * 90):
            answer = await Page(running.url, key=key, headers={"Origin": SITE}).ask()
            assert answer.status_code == 403, key


async def test_where_others_can_reach_the_edge_a_page_of_this_machine_needs_a_key_too(
    bus: TestBus, settings: Settings
) -> None:
    # a proxy on this machine may ask as this machine's own page would
    async with running_edge(bus, settings, public_url="https://voice.example.com") as running:
        assert (await Page(running.url).ask()).status_code == 403
        headers = {"Origin": running.url}
        page = Page(running.url, key=a_key(settings, origins=(running.url,), line=""), headers=headers)
        assert (await page.ask()).status_code == 200


@pytest.mark.parametrize("line", ["a-b", "a b", "a\nb", "x" * 65, "é"])
async def test_a_name_that_no_line_can_have_is_refused(bus: TestBus, settings: Settings, line: str) -> None:
    with pytest.raises(RejectedError, match="cannot be the name of a line"):
        a_key(settings, line=line)
    async with running_edge(bus, settings) as running:
        assert (await Page(running.url).ask(line=line)).status_code == 403


async def test_a_page_of_this_machine_is_shown_tools_and_waits(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings) as running:
        page = Page(running.url)
        await page.ask(line="help")
        async with page.stream():
            started = await running.event(CallStarted)
            await running.event(ReplySpoken)
            await bus.publish(ToolRequested(call=started.call, turn=1, agent="a", name="find", tool_call_id="1"))
            assert (await page.until_captions(of="tool"))["tool"] == "find"
        assert started.to_number == "help"


def test_an_origin_with_a_path_gets_no_key(settings: Settings) -> None:
    with pytest.raises(RejectedError, match="is no origin"):
        a_key(settings, origins=("https://shop.example.com/",))


@pytest.mark.parametrize("body", ["", "[]", '{"rate":11025}', '{"rate":"x"}', "{" * 9000])
async def test_a_request_that_makes_no_sense_is_refused(bus: TestBus, settings: Settings, body: str) -> None:
    async with running_edge(bus, settings) as running, httpx.AsyncClient(trust_env=False) as http:
        assert (await http.post(f"{running.url}/browser/calls", content=body)).status_code == 403


@pytest.mark.parametrize(
    "begin",
    ["", "hello", '{"type":"mark","name":"1"}', '{"type":"start"}', "token", "call", "call_key"],
)
async def test_a_stream_without_a_good_start_is_closed(bus: TestBus, settings: Settings, begin: str) -> None:
    async with running_edge(bus, settings) as running:
        page = Page(running.url)
        await page.ask()
        if begin in page.step:
            page.step[begin] += "0"
            begin = page.start()
        async with page.stream(begin) as socket:
            await asyncio.wait_for(socket.wait_closed(), 45)
        assert socket.close_code == 1008
        assert await bus.published(CallStarted) == []


async def test_a_token_opens_one_stream(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings) as running:
        page = Page(running.url)
        await page.ask()
        async with page.stream():
            await running.event(CallStarted)
            again = Page(running.url, step=page.step)
            async with again.stream() as socket:
                await asyncio.wait_for(socket.wait_closed(), 45)
            assert socket.close_code == 1008


async def test_only_the_page_of_a_call_may_ask_what_happens_next(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings) as running:
        page = Page(running.url)
        await page.ask()
        for changed in ({"proof": "0" * 64}, {"call_key": "WB0"}, {"proof": ""}, {"stream": "x"}):
            assert (await page.ask_next(**changed)).status_code == 403
        page.step["call"] = "../" + page.step["call"]
        assert (await page.ask_next()).status_code in (403, 404)


async def test_messages_that_make_no_sense_are_skipped_until_they_are_too_many(
    bus: TestBus, settings: Settings
) -> None:
    async with running_edge(bus, settings) as running:
        page = Page(running.url)
        await page.ask()
        async with page.stream() as socket:
            await running.event(ReplySpoken)
            for odd in ("", "{}", '{"type":"digit","digit":"A"}', b"\0", page.start(), '{"type":"mark","name":"9.9"}'):
                await socket.send(odd)
            await socket.send('{"type":"digit","digit":"#"}')
            await running.event(DigitPressed, digit="#")
            with contextlib.suppress(ConnectionClosed):
                for _ in range(1_000):
                    await socket.send("{}")
                    await asyncio.sleep(0)
            await asyncio.wait_for(socket.wait_closed(), 45)
            assert socket.close_code == 1008
            await running.event(CallEnded, reason="failed")


async def test_browsers_cannot_call_where_the_setting_forbids_it(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, browser=False) as running:
        assert (await Page(running.url).post("/browser/calls", {})).status_code == 404


async def test_audio_that_the_page_has_dropped_leaves_a_gap_of_its_length() -> None:
    messages: list[str | bytes | None] = [bytes(640), '{"type":"skipped","ms":1800}', bytes(640), bytes(640)]

    async def receive() -> str | bytes | None:
        return messages.pop(0)

    stream = BrowserStream(cast("MediaSocket", SimpleNamespace(receive=receive)), 16_000)
    stamps = [cast("AudioReceived", await stream.receive()).timestamp_ms for _ in range(3)]
    clock = CallClock(lambda: 0.0)
    assert [clock.frame(20, stamp) for stamp in stamps] == stamps == [0, 1_820, 1_840]
