import time
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from orchestra.errors import SettingError
from orchestra.prices import Prices
from orchestra.recordings.signed_links import Links
from orchestra.recordings.wav_response import byte_range
from orchestra.settings import Settings, load_settings
from orchestra.storage.secrets import link_key
from orchestra.testing import TestBus
from orchestra.voice.edge.calls_api import calls_router
from orchestra_schemas import AudioChunk, CallEnded, CallStarted, ReplySpoken, SpeechMetered, UserTurnEnded
from orchestra_workers.persistence import consumer

TOKEN = {"Authorization": "Bearer let-me-in"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"api_token": SecretStr("let-me-in"), "prices": Prices(call_per_minute=0.12)})


@pytest.fixture
def http(bus: TestBus, settings: Settings) -> httpx.AsyncClient:
    app = FastAPI()
    app.include_router(calls_router(settings, bus.bus))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://edge")


async def a_call(bus: TestBus, words: str = "hello") -> str:
    call = bus.call()
    async with bus.run(consumer):
        await bus.publish(
            CallStarted(call=call, from_number="+15550001", at=100.0),
            UserTurnEnded(call=call, turn=1, text=words, at=102.0, speech_ended_at=101.5),
            ReplySpoken(call=call, turn=1, text="good day", at=104.0),
            SpeechMetered(call=call, turn=1, stt="deepgram", stt_s=4.0, tts="elevenlabs", tts_characters=8, at=104.1),
            AudioChunk(call=call, speaker="caller", offset_ms=0, audio=b"\x01\x02" * 1600),
            CallEnded(call=call, reason="caller_hung_up", duration_s=5.0, audio_ms=200, at=105.0),
        )
        await bus.settled()
    return call


async def test_calls_are_listed_newest_first_and_page_by_page(bus: TestBus, http: httpx.AsyncClient) -> None:
    calls = [await a_call(bus), await a_call(bus)]
    first = (await http.get("/calls", params={"limit": 1}, headers=TOKEN)).json()["calls"]
    assert [each["call"] for each in first] == [calls[1]]
    rest = (await http.get("/calls", params={"before": calls[1]}, headers=TOKEN)).json()["calls"]
    assert [(each["call"], each["status"], each["turns"]) for each in rest] == [(calls[0], "ended", 1)]


async def test_one_call_comes_with_its_turns(bus: TestBus, http: httpx.AsyncClient) -> None:
    call = await a_call(bus, "where is it")
    told = (await http.get(f"/calls/{call}", headers=TOKEN)).json()
    assert told["call"]["from_number"] == "+15550001"
    assert told["call"]["usage"]["tts_characters"] == {"elevenlabs": 8}
    assert told["call"]["cost"]["total"] == 0.01
    assert [(turn["said"], turn["said_to_s"], turn["heard"]) for turn in told["turns"]] == [
        ("where is it", 1.5, "good day")
    ]
    assert (await http.get("/calls/07-nothing", headers=TOKEN)).status_code == 404


async def test_a_token_that_also_places_calls_reads_them(bus: TestBus, settings: Settings) -> None:
    app = FastAPI()
    app.include_router(calls_router(settings.model_copy(update={"dial_token": settings.api_token}), bus.bus))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://edge") as http:
        assert (await http.get(f"/calls/{await a_call(bus)}", headers=TOKEN)).json()["turns"]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "let-me-in"}])
async def test_requests_without_the_token_learn_nothing(http: httpx.AsyncClient, headers: dict[str, str]) -> None:
    for path in ("/calls", "/calls/07-x", "/calls/07-x/recording"):
        refused = await http.get(path, headers=headers)
        assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")


async def test_an_empty_token_admits_nobody(bus: TestBus, settings: Settings) -> None:
    app = FastAPI()
    app.include_router(calls_router(settings.model_copy(update={"api_token": SecretStr("")}), bus.bus))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://edge") as http:
        assert (await http.get("/calls", headers={"Authorization": "Bearer "})).status_code == 401


async def test_a_recording_is_served_whole_and_in_ranges(bus: TestBus, http: httpx.AsyncClient) -> None:
    url = f"/calls/{await a_call(bus)}/recording"
    whole = await http.get(url, headers=TOKEN)
    assert (whole.status_code, whole.headers["content-type"], whole.content[:4]) == (200, "audio/wav", b"RIFF")
    assert len(whole.content) == 44 + 1600 * 4
    part = await http.get(url, headers={**TOKEN, "Range": "bytes=8-11"})
    assert (part.status_code, part.content) == (206, b"WAVE")
    assert part.headers["Content-Range"] == f"bytes 8-11/{len(whole.content)}"
    beyond = await http.get(url, headers={**TOKEN, "Range": "bytes=999999-"})
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{len(whole.content)}")


async def test_a_signed_link_opens_one_recording_until_it_expires(
    bus: TestBus, http: httpx.AsyncClient, settings: Settings
) -> None:
    call, links, now = await a_call(bus), Links(link_key(settings)), int(time.time())
    link = links.sign("http://edge", call, now + 60)
    opened = await http.get(link)
    assert (opened.status_code, opened.headers["Access-Control-Allow-Origin"]) == (200, "*")
    assert (await http.get(links.sign("http://edge", call, now - 1))).status_code == 403
    assert (await http.get(link.replace(call, bus.call()))).status_code == 403
    assert (await http.get(link[:-1] + ("0" if link[-1] != "0" else "1"))).status_code == 403


async def test_a_removed_recording_is_reported_as_gone(
    bus: TestBus, http: httpx.AsyncClient, settings: Settings
) -> None:
    call = await a_call(bus)
    (settings.recordings / f"{call}.wav").unlink()
    assert (await http.get(f"/calls/{call}/recording", headers=TOKEN)).status_code == 404


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://127.0.0.1:9161/secret", "sftp://me:s3cr3t@host/x.wav"])
async def test_a_file_outside_the_recordings_folder_is_not_served(
    bus: TestBus, http: httpx.AsyncClient, url: str
) -> None:
    call = await a_call(bus)
    await bus.bus.redis.hset(bus.bus.key(call, "call", call), "recording", url)
    answer = await http.get(f"/calls/{call}/recording", headers=TOKEN)
    assert answer.status_code == 404
    assert "in no place" in answer.text
    assert "s3cr3t" not in (await http.get(f"/calls/{call}", headers=TOKEN)).text


@pytest.mark.parametrize(
    ("header", "served"),
    [
        ("", range(100)),
        ("bytes=0-", range(100)),
        ("bytes=10-19", range(10, 20)),
        ("bytes=90-200", range(90, 100)),
        ("bytes=-5", range(95, 100)),
        ("bytes=-500", range(100)),
        ("bytes=100-", None),
        ("bytes=9-3", None),
        ("bytes=-0", None),
        ("bytes=0-1,5-6", range(100)),
        ("chapters=1-2", range(100)),
        ("bytes=-", range(100)),
        (f"bytes=0-{'9' * 5000}", range(100)),
    ],
)
def test_a_range_header_is_read_as_the_standard_says(header: str, served: range | None) -> None:
    assert byte_range(header, 100) == served


def test_a_link_key_is_kept_for_the_next_process_and_only_its_owner_can_read_it(settings: Settings) -> None:
    key = link_key(settings)
    other = settings.model_copy(update={"api_token": SecretStr("another")})
    assert (len(key), link_key(other)) == (32, key)
    file = Path(settings.data_dir / "keys" / "link")
    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["link"]


@pytest.mark.parametrize(("key", "is_one"), [("x" * 32, True), ("x" * 31, False), ("let-me-in", False), ("", True)])
def test_a_link_key_that_can_be_guessed_is_refused(monkeypatch: pytest.MonkeyPatch, key: str, *, is_one: bool) -> None:
    monkeypatch.setenv("ORCHESTRA_LINK_KEY", key)
    if is_one:
        assert load_settings().link_key.get_secret_value() == key
    else:
        with pytest.raises(SettingError, match=r"ORCHESTRA_LINK_KEY: .*32 characters"):
            load_settings()
