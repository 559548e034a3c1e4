"""Knowledge that is also found by what it means: the vectors come from a server that speaks OpenAI's protocol."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio
import structlog

from orchestra.agents.builtin import search_tool
from orchestra.agents.embeddings import fuse_rankings, similarity, unit_vector
from orchestra.agents.knowledge import Knowledge
from orchestra.agents.tool import ToolContext
from orchestra.errors import AppError
from tests.servers.openai import OpenAIServer
from tests.servers.server import NO_FAULTS, Faults

PAGES = {
    "pets.md": "# House rules\n\nDogs stay on the lead in the yard.",
    "hours.md": "# Opening hours\n\nWe open at nine.",
    "prices.md": "# Prices\n\nA parcel of five kilos costs eight dollars.",
}
#: what words have to do with one another, as a model would know it
TOPICS = (
    {"dogs", "animals", "hound", "puppy", "walk"},
    {"open", "nine", "closed", "morning", "early"},
    {"costs", "dollars", "expensive", "money", "pay"},
)


def meaning(text: str) -> Sequence[float]:
    words = set(text.lower().replace(".", " ").replace("?", " ").split())
    return [float(len(words & topic)) for topic in TOPICS] + [0.1]


@pytest_asyncio.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer(lambda *_: "", key="k", embed=meaning) as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path / "data"))
    # a busy machine's answer is not late; the tests of a late one wait as long as callers do
    monkeypatch.setattr("orchestra.agents.embeddings._QUERY_WITHIN_S", 5.0)
    (tmp_path / "pages").mkdir()
    for name, text in PAGES.items():
        (tmp_path / "pages" / name).write_text(text, encoding="utf-8")
    return tmp_path / "pages"


def knowledge_of(folder: Path, server: OpenAIServer) -> Knowledge:
    return Knowledge(folder, embeddings="test-embed", embeddings_url=server.base_url, embeddings_api_key="k")


@pytest.fixture
def knowledge(folder: Path, server: OpenAIServer) -> Iterator[Knowledge]:
    made = knowledge_of(folder, server)
    yield made
    made.close()


async def found(knowledge: Knowledge, query: str) -> list[str]:
    return [passage.title for passage in await asyncio.to_thread(knowledge.sections, query)]


async def test_a_section_is_found_by_its_meaning_where_no_word_of_it_was_said(
    folder: Path, knowledge: Knowledge
) -> None:
    assert Knowledge(folder).sections("may I bring my puppy for a walk") == []
    assert await asyncio.to_thread(knowledge.embed) == 3
    assert await found(knowledge, "may I bring my puppy for a walk") == ["House rules"]
    assert await found(knowledge, "is it expensive") == ["Prices"]


async def test_a_section_found_by_words_and_meaning_comes_first(knowledge: Knowledge) -> None:
    await asyncio.to_thread(knowledge.embed)
    assert (await found(knowledge, "when do you open in the morning"))[0] == "Opening hours"
    assert [number for number, _ in fuse_rankings([1, 2, 3], [3, 4])] == [3, 1, 2, 4]


async def test_a_query_about_something_else_finds_nothing(knowledge: Knowledge, server: OpenAIServer) -> None:
    await asyncio.to_thread(knowledge.embed)
    server.embed = lambda _: [-1.0, -1.0, -1.0, 0.1]
    assert await found(knowledge, "weather in Paris") == []


async def test_only_changed_sections_are_embedded_again_even_by_another_process(
    folder: Path, knowledge: Knowledge, server: OpenAIServer
) -> None:
    first, second = knowledge, knowledge_of(folder, server)
    await asyncio.to_thread(first.embed)
    (folder / "hours.md").write_text("# Opening hours\n\nWe open at ten, and early on Mondays.", encoding="utf-8")
    server.embedded.clear()
    first.check()
    assert await asyncio.to_thread(first.embed) == 1
    assert await asyncio.to_thread(second.embed) == 0
    assert server.embedded == ["Opening hours\nWe open at ten, and early on Mondays."]
    assert await found(first, "early") == ["Opening hours"]


@pytest.mark.integration
@pytest.mark.parametrize("faults", [Faults(status=500), Faults(status=401), Faults(slow_s=60.0)])
async def test_an_endpoint_that_fails_or_is_late_leaves_the_words_and_is_left_alone_for_a_while(
    knowledge: Knowledge, server: OpenAIServer, *, faults: Faults
) -> None:
    await asyncio.to_thread(knowledge.embed)
    server.faults = faults
    before = time.monotonic()
    with structlog.testing.capture_logs() as logs:
        assert await found(knowledge, "dogs on a lead") == ["House rules"]
        asked = len(server.seen)
        assert await found(knowledge, "a puppy") == []
        assert await found(knowledge, "dogs on a lead") == ["House rules"]
    assert time.monotonic() - before < 30  # nobody has waited for the late one
    assert len(server.seen) == asked
    assert [entry["event"] for entry in logs] == ["knowledge.words_only"]


async def test_pages_that_could_not_be_embedded_are_found_by_words_and_embedded_later(
    knowledge: Knowledge, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestra.agents.embeddings._PAUSE_S", 0.05)
    server.faults = Faults(status=503)
    assert await found(knowledge, "dogs on a lead") == ["House rules"]
    server.faults = NO_FAULTS
    async with asyncio.timeout(45):
        while await found(knowledge, "a puppy") != ["House rules"]:  # noqa: ASYNC110 - the search itself sees to it
            await asyncio.sleep(0.05)


async def test_the_search_tool_finds_by_meaning_without_blocking_other_calls(knowledge: Knowledge) -> None:
    await asyncio.to_thread(knowledge.embed)
    context = ToolContext(call="07-a", turn=1, agent="a", idempotency_key="k", caller_number="", resources=None)
    told = await search_tool(lambda _language: knowledge).run('{"query":"my hound"}', context)
    assert told == "House rules\nDogs stay on the lead in the yard."


def test_embeddings_without_a_server_are_refused_with_the_cure(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORCHESTRA_MODEL_URL", raising=False)
    with pytest.raises(AppError, match="ORCHESTRA_MODEL_URL"):
        Knowledge(folder, embeddings="test-embed").sections("dogs")


def test_vectors_of_another_length_have_nothing_in_common() -> None:
    assert similarity(unit_vector([3.0, 4.0]), unit_vector([6.0, 8.0])) == pytest.approx(1.0)
    assert similarity(unit_vector([3.0, 4.0]), unit_vector([1.0])) == 0.0
