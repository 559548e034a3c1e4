"""`orchestra judge`: calls that lack a verdict get it, each once, whatever happens to model or process."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from orchestra import Judge
from orchestra.bus import Bus
from orchestra.cli import app
from orchestra.history.call import CallHistory
from orchestra.history.usage import Tokens
from orchestra.post_call import claims as claiming
from orchestra.post_call.claims import Claims, open_claims
from orchestra.post_call.judge_calls import CallJudge, Judges, Judging, known_calls
from orchestra.post_call.judging import NO_MODEL
from orchestra.replay.sources.port import Filter
from orchestra.replay.sources.redis_journal import RedisJournal
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import CallAnalysed, CallStarted, Verdict
from tests.command_line import _logging_of_the_tests  # noqa: F401 - a fixture
from tests.post_call.calls import a_call
from tests.post_call.test_judging import models_of, says
from tests.servers.openai import OpenAIServer

POLITE = Judge("polite", "The agents stay polite.")
GOOD = {"verdicts": {"polite": {"passed": True, "reason": "They do.", "turns": [1]}}}


def was_loud(history: CallHistory) -> bool | str:
    return "the caller shouts" if any(turn.transcript.isupper() for turn in history.turns) else True


LOUD = Judge("calm", was_loud)
LOUD_AND_POLITE = (LOUD, POLITE)

Run = Callable[..., Awaitable[Judging]]


@asynccontextmanager
async def judging(bus: TestBus, server: OpenAIServer | None) -> AsyncIterator[Run]:
    """Runs judges over the calls of the test's journal, as a process of its own."""
    async with AsyncExitStack() as stack:
        own = await Bus.connect(bus.bus.settings)
        stack.push_async_callback(own.close)
        claims = await stack.enter_async_context(open_claims(own))
        models = None if server is None else await stack.enter_async_context(models_of(server))
        source = RedisJournal(own)

        async def run(*judges: Judge, stop: asyncio.Event | None = None, **options: Any) -> Judging:
            calls = await known_calls(source, Filter(), False, pytest.fail)
            options = {"claims": claims, "at_a_time": 2, "on_warning": pytest.fail} | options
            of = CallJudge(source=source, judges=Judges(judges), models=models, **options)
            return await of.run(calls, stop or asyncio.Event())

        yield run


async def test_a_call_that_lacks_a_verdict_gets_it_once(bus: TestBus) -> None:
    calls, running = [bus.call() for _ in range(3)], bus.call()
    for call in calls:
        await bus.publish(*a_call(call, "WHERE IS IT" if call == calls[0] else "where is it"))
    await bus.publish(CallStarted(call=running, app="parcels"))
    before = [
        Verdict(judge="polite", version=POLITE.version, passed=False),
        Verdict(judge="polite", version=POLITE.version, reason=NO_MODEL),
        Verdict(judge="polite", version="older", passed=False),
    ]
    await bus.publish(*(CallAnalysed(call=call, verdicts=(each,)) for call, each in zip(calls, before, strict=True)))
    async with OpenAIServer(says(GOOD)) as server, judging(bus, server) as run:
        found = await run(POLITE)
        assert (found.chosen, found.running, found.had, found.left, len(found.calls)) == (4, 1, 1, 0, 2)
        assert len(server.seen) == 2
        (figures,) = found.judges
        assert (figures.passed, figures.not_passed, figures.share) == (2, 1, pytest.approx(2 / 3))
        assert (await run(POLITE)).had == 3
        both = await run(LOUD, POLITE)
        assert [verdict.judge for call in both.calls for verdict in call.verdicts] == ["calm"] * 3
        assert len(server.seen) == 2
        await run(POLITE, again=True)
        assert len(server.seen) == 5
    events = [event for event in await bus.published(CallAnalysed) if event.source == "judge"]
    assert [event.model for event in events] == ["test-model"] * 2 + [""] * 3 + ["test-model"] * 3
    assert {(event.app, event.summary, event.success) for event in events} == {("parcels", "", None)}
    assert events[0].prompt_tokens + events[1].prompt_tokens == found.tokens["test-model"].prompt
    assert [verdict.reason for event in events for verdict in event.verdicts].count("the caller shouts") == 1


async def test_what_fails_is_not_published_and_is_tried_again(bus: TestBus) -> None:
    fine, refused, odd = calls = [bus.call() for _ in range(3)]
    for call, words in zip(calls, ("where is it", "forbidden words", "nonsense, please"), strict=True):
        await bus.publish(*a_call(call, words))
    broken = True

    def refuses(body: dict[str, Any]) -> tuple[int, Any] | None:
        blocked = broken and "forbidden words" in body["messages"][1]["content"]
        return (400, {"error": {"message": "content policy"}}) if blocked else None

    def respond(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Any:
        nonsense = broken and "nonsense" in messages[1]["content"]
        return says({"verdicts": {"polite": {"passed": "perhaps"}}} if nonsense else GOOD)(messages, tools)

    async with OpenAIServer(respond, refuses=refuses) as server, judging(bus, server) as run:
        found = await run(LOUD, POLITE)
        assert found.failed == 2
        assert {call.call: [each.error[:40] for each in call.failed] for call in found.calls if call.failed}.keys() == {
            refused, odd,
        }  # fmt: skip
        broken = False
        again = await run(LOUD, POLITE)
    assert (again.failed, again.had, {call.call for call in again.calls}) == (0, 1, {refused, odd})
    judged = [(event.call, each.judge) for event in await bus.published(CallAnalysed) for each in event.verdicts]
    assert sorted(judged) == sorted((call, judge) for call in (fine, refused, odd) for judge in ("calm", "polite"))


@pytest.mark.integration
async def test_a_model_that_is_down_ends_the_run_and_the_next_one_goes_on(bus: TestBus) -> None:
    for _ in range(14):
        await bus.publish(*a_call(bus.call(), "where is it"))
    down = True

    def refuses(body: dict[str, Any]) -> tuple[int, Any] | None:
        del body
        return (503, {"error": {"message": "down for an hour"}}) if down else None

    async with OpenAIServer(says(GOOD), refuses=refuses) as server, judging(bus, server) as run:
        found = await run(POLITE)
        assert "down for an hour" in found.stopped
        assert found.left >= 3
        assert found.left + len(found.calls) == 14
        assert await bus.published(CallAnalysed) == []
        down, stop = False, asyncio.Event()
        asked = server.respond

        def interrupted(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Any:
            if len(answers) == 5:
                stop.set()
            answers.append(1)
            return asked(messages, tools)

        answers: list[int] = []
        server.respond = interrupted
        part = await run(POLITE, stop=stop, at_a_time=1)
        kept = len(await bus.published(CallAnalysed))
        assert kept == len(part.calls) == 14 - part.left
        assert 5 <= kept < 14
        assert (await run(POLITE)).had == kept
    assert len(await bus.published(CallAnalysed)) == 14


@pytest.mark.integration
async def test_two_processes_do_not_judge_a_call_twice_and_a_dead_one_holds_it_for_a_moment(
    bus: TestBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = [bus.call() for _ in range(20)]
    for call in calls:
        await bus.publish(*a_call(call, "where is it"))
    async with OpenAIServer(says(GOOD)) as server, judging(bus, server) as one, judging(bus, server) as other:
        found = await asyncio.gather(one(POLITE), other(POLITE))
        assert len(server.seen) == 20
        assert sum(len(each.calls) for each in found) == 20
        assert [each.left for each in found] == [0, 0]
        monkeypatch.setattr(claiming, "_CLAIMED_MS", 300)
        own = await Bus.connect(bus.bus.settings)
        assert await Claims(own).take(calls[0])  # and it dies
        assert (await one(LOUD)).left == 0
        await own.close()
    events = await bus.published(CallAnalysed)
    assert sorted(event.call for event in events) == sorted(calls * 2)


async def test_a_dry_run_asks_nobody_and_says_about_how_many_tokens(bus: TestBus) -> None:
    await bus.publish(*a_call(bus.call(), "where is it"))
    async with judging(bus, None) as run:
        found = await run(POLITE, claims=None, asks=False, default_model="big")
    assert len(found.calls) == 1
    assert found.tokens["big"].prompt > 150
    assert found.tokens == {"big": Tokens(found.tokens["big"].prompt, 0)}
    assert await bus.published(CallAnalysed) == []


def test_the_command_judges_prints_and_exits(
    settings: Settings, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fill() -> list[str]:
        own = await Bus.connect(settings)
        await own.redis.flushall()
        await own.close()
        own = await Bus.connect(settings)
        calls, bus = [own.new_call(), own.new_call()], TestBus(own)
        await bus.publish(*a_call(calls[0], "where is it"), *a_call(calls[1], "WHERE IS IT"))
        await own.close()
        return calls

    calls = asyncio.run(fill())
    monkeypatch.setenv("ORCHESTRA_REDIS_URL", redis_url)
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ORCHESTRA_PARTITIONS", str(settings.partitions))

    def judge(*words: str) -> tuple[int, str, str]:
        told = CliRunner().invoke(app, ["judge", "--judge", f"{__name__}:LOUD", *words])
        return told.exit_code, told.stdout, told.stderr

    assert judge("--source", "journal", "--since", "1h", "--dry-run")[1].startswith("2 calls would be judged")
    code, out, _ = judge("--source", "journal", "--since", "1h", "--forget", "--json")
    assert (code, len(json.loads(out)["calls"])) == (0, 2)
    code, out, err = judge(*calls, "--source", "journal", "--min-pass", "0.6")
    assert code == 1
    assert "calm: 50.0% pass; at least 60.0% have to" in err
    assert f"{calls[1]}  calm: the caller shouts" in out
    assert "2 calls judged" in out
    code, out, _ = judge(calls[0][-12:], "--source", "journal", "--json")
    assert (code, json.loads(out)["had"]) == (0, 1)
    journal = tmp_path / "calls.jsonl"
    journal.write_text("", "utf-8")
    for words, said in (
        ((), "name calls to judge"),
        ((str(journal),), "--forget only shows the verdicts"),
        (("--since", "1h", "--judge", "orchestra.demo:app"), "not an orchestra.Judge"),
        (("--since", "1h", "--judge", f"{__name__}:LOUD_AND_POLITE"), "two judges are named 'calm'"),
    ):
        told = CliRunner().invoke(app, ["judge", "--judge", f"{__name__}:LOUD", *words])
        assert said in str(told.exception)
