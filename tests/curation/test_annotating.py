"""An annotator in Label Studio's own page, in a browser: what they say of a paragraph is read as said of its turn."""

import asyncio
import contextlib
import math
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Page, Response, expect
from pydantic import SecretStr
from typer.testing import CliRunner

from orchestra.cli import app
from orchestra.curation.evaluation import EvaluatedCall, read_set
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import (
    AudioChunk,
    CallEnded,
    CallStarted,
    Event,
    ReplyInterrupted,
    ReplySpoken,
    TranscriptCurated,
    TranscriptFinal,
    UserTurnEnded,
)
from orchestra_workers.curator import consumer as curator
from orchestra_workers.persistence import consumer as persistence
from tests.servers.chromium import chromium, only_from
from tests.servers.label_studio_itself import ADMIN, EMAIL, PASSWORD, READY_WITHIN_S, TOKEN

pytestmark = [pytest.mark.browser, pytest.mark.timeout(READY_WITHIN_S + 120)]

PROJECT = "annotated"
#: as tasks were made before the paragraphs were in the editor's order
OLDER = [
    {"speaker": "caller", "text": "number four two seven one", "start": 4.0, "end": 6.0, "turn": 1},
    {"speaker": "agent", "text": "Welcome to the desk.", "start": 0.0, "end": 2.0, "turn": 0},
    {"speaker": "agent", "text": "I am looking for it.", "start": 4.0, "end": 5.0, "turn": 1},
    {"speaker": "caller", "text": "no weight", "start": 3.0, "end": 3.5, "turn": 1},
]


def tone(hertz: float, seconds: float = 0.2) -> bytes:
    samples = (int(9000 * math.sin(2 * math.pi * hertz * n / 8000)) for n in range(int(8000 * seconds)))
    return b"".join(struct.pack("<h", sample) for sample in samples)


def a_call(call: str) -> list[Event]:
    """The caller speaks over the first reply; turn and reply begin in the same moment."""

    def said(turn: int, text: str, ended_at: float) -> list[Event]:
        return [
            TranscriptFinal(call=call, turn=turn, text=text, confidence=0.9, at=ended_at + 0.1),
            UserTurnEnded(call=call, turn=turn, text=text, at=ended_at + 0.3, speech_ended_at=ended_at),
        ]

    audio = [
        AudioChunk(call=call, speaker="caller" if n % 10 < 5 else "agent", offset_ms=200 * n, audio=tone(300 + 20 * n))
        for n in range(60)
    ]
    return [
        CallStarted(call=call, at=100.0, from_number="+15550001", greeting="Welcome."),
        *audio,
        ReplySpoken(call=call, text="Welcome.", at=102.0),
        *said(1, "where is my partial", 103.5),
        ReplyInterrupted(call=call, turn=1, heard="It is at the", at=106.0),
        *said(2, "which day can it comb", 105.9),
        ReplySpoken(call=call, turn=2, text="On Friday.", at=109.0),
        *said(3, "thank you good buy", 111.1),
        ReplySpoken(call=call, turn=3, text="Until then.", at=111.9),
        CallEnded(call=call, turn=3, reason="agent_hung_up", duration_s=12.0, at=112.0, audio_ms=12000),
    ]


@pytest.fixture
def settings(settings: Settings, studio: str) -> Settings:
    return settings.model_copy(
        update={
            "label_studio_url": studio,
            "label_studio_api_key": SecretStr(TOKEN),
            "label_studio_project": PROJECT,
            "label_studio_audio": "upload",
        }
    )


@asynccontextmanager
async def annotator(studio: str) -> AsyncIterator[Page]:
    """The page of somebody who has signed in. It asks nobody else for anything."""
    async with chromium() as browser:
        page = await browser.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(60_000)
        refused = await only_from(page, studio)
        await page.goto(f"{studio}/user/login/")
        await page.fill("input[name=email]", EMAIL)
        await page.fill("input[name=password]", PASSWORD)
        await page.click("button[type=submit]")
        await page.wait_for_url(lambda url: "/login" not in url)
        yield page
        assert refused == []


async def opened(page: Page, studio: str, project: str, task: str, *, paragraph: str, marked: int) -> None:
    """Open a task; its editor now and then begins without what the prediction has marked, and is opened again."""
    async with asyncio.timeout(120):
        while True:
            await page.goto(f"{studio}/projects/{project}/data?task={task}")
            await page.get_by_text(paragraph, exact=True).first.wait_for()
            with contextlib.suppress(AssertionError):
                await expect(page.get_by_placeholder("What was really said")).to_have_count(marked, timeout=10_000)
                return


async def label(page: Page, label: str, paragraph: str) -> None:
    """Mark a whole paragraph, by its own button: the text itself moves under the mouse, as the audio goes there.

    A page that is still being built loses a click; like a person, one clicks again when nothing has come of it.
    """
    fields = page.get_by_placeholder("What was really said")
    marked = await fields.count() + 1
    async with asyncio.timeout(60):
        while True:
            await page.keyboard.press("Escape")
            await page.get_by_text(label, exact=True).first.click()
            await page.locator("[data-testid^='phrase:']").filter(has_text=paragraph).get_by_role("button").last.click()
            with contextlib.suppress(AssertionError):
                await expect(fields).to_have_count(marked, timeout=10_000)
                return


async def correct(page: Page, place: int, words: str) -> None:
    """Write what was really said into the first, second, … of the fields that are still empty."""
    fields = page.get_by_placeholder("What was really said")
    await fields.nth(place).wait_for()
    count = await fields.count()
    await fields.nth(place).fill(words)
    await fields.nth(place).press("Enter")
    await expect(fields).to_have_count(count - 1)


async def submit(page: Page) -> None:
    def is_it(answer: Response) -> bool:
        return "/annotations" in answer.url and answer.request.method == "POST"

    async with page.expect_response(is_it) as sent:
        await page.get_by_role("button", name="Submit").click()
    assert (await sent.value).ok


def pulled(studio: str, out: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, EvaluatedCall]:
    monkeypatch.setenv("ORCHESTRA_LABEL_STUDIO_URL", studio)
    monkeypatch.setenv("ORCHESTRA_LABEL_STUDIO_PROJECT", PROJECT)
    monkeypatch.setenv("ORCHESTRA_LABEL_STUDIO_API_KEY", TOKEN)
    result = CliRunner().invoke(app, ["curate", "pull", "--out", str(out)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return read_set(out)


def corrections(call: EvaluatedCall) -> list[tuple[int, str, str, tuple[str, ...]]]:
    """Turn, words as they were understood, as they were corrected, labels; of what an annotator has touched."""
    return [
        (turn.turn, turn.text, turn.corrected, turn.labels)
        for turn in call.turns
        if turn.labels or turn.corrected != turn.text
    ]


async def test_an_annotation_of_a_paragraph_belongs_to_its_turn(
    bus: TestBus, studio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = bus.call()
    async with bus.run(persistence, curator):
        await bus.publish(*a_call(call))
        await bus.settled(60)
    (made,) = await bus.published(TranscriptCurated)
    older = {"data": {"call_id": "07-older", "audio": "", "turns": OLDER}}
    async with httpx.AsyncClient(base_url=studio, headers=ADMIN, timeout=60) as http:
        (await http.post(f"/api/projects/{made.project}/import", json=[older])).raise_for_status()
        tasks = (await http.get("/api/tasks/", params={"project": made.project, "fields": "all"})).json()["tasks"]
    (other,) = [str(task["id"]) for task in tasks if task["data"]["call_id"] == "07-older"]
    async with annotator(studio) as page:
        await opened(page, studio, made.project, made.task, paragraph="Welcome.", marked=1)
        await correct(page, 0, "is at the depot")  # of the interrupted reply, which the prediction has marked
        for mark, paragraph, words in (
            ("Misrecognition", "where is my partial", "where is my parcel"),
            ("Misrecognition", "thank you good buy", "thank you good-bye"),
            ("Good", "Until then.", "Until then!"),
        ):
            await label(page, mark, paragraph)
            await correct(page, 0, words)
        await submit(page)
        await opened(page, studio, made.project, other, paragraph="no weight", marked=0)
        await page.get_by_text("escalated").first.click()
        for paragraph, words in (("number four two seven one", "4271"), ("Welcome to the desk.", "Welcome.")):
            await label(page, "Misrecognition", paragraph)
            await correct(page, 0, words)
        await submit(page)
    calls = pulled(studio, tmp_path / "set.jsonl", monkeypatch)
    assert (calls[call].outcome, calls["07-older"].outcome) == ("resolved", "escalated")
    assert corrections(calls[call]) == [
        (1, "where is my partial", "where is my parcel", ("Misrecognition",)),
        (1, "It is at the", "is at the depot", ("Interruption",)),
        (3, "thank you good buy", "thank you good-bye", ("Misrecognition",)),
        (3, "Until then.", "Until then!", ("Good",)),
    ]
    assert corrections(calls["07-older"]) == [
        (1, "number four two seven one", "4271", ("Misrecognition",)),
        (0, "Welcome to the desk.", "Welcome.", ("Misrecognition",)),
    ]
