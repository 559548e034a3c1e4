import asyncio
import os
from pathlib import Path

import pytest

from orchestra.errors import UsageError
from orchestra.evaluation.load.callers import LoadCallers
from orchestra.evaluation.load.processes import ProcessMeter
from orchestra.evaluation.load.run import run_load
from orchestra.evaluation.load.systems import find_system
from orchestra.settings import Settings
from orchestra.simulator import Caller, PhoneLine, Utterance
from orchestra.stack.run_file import RunningStack, write_run_file
from orchestra.voice.audio.mulaw import encode
from tests.simulator.tone_edge import AUTH_TOKEN, EdgeSocket, ToneEdge, serving, tone

SAYS = [Utterance("one", tone(0.3))]
DELAY_S = 0.4


async def answers(edge: EdgeSocket) -> None:
    await edge.play(tone(0.2))
    for _ in SAYS:
        await edge.until_heard(audible=True)
        await edge.until_heard(audible=False)
        await asyncio.sleep(DELAY_S)
        await edge.play(tone(0.3))
    await edge.until_hung_up()


@pytest.mark.integration
async def test_callers_call_again_and_again_and_what_they_waited_is_measured() -> None:
    async with serving(ToneEdge([answers] * 20, after_stream=["<Response><Hangup/></Response>"] * 20)) as edge:
        callers = LoadCallers(
            lambda index: Caller(edge.url, AUTH_TOKEN, from_number=f"+1555000{index:04}"), SAYS, number=3, ramp_s=0.3
        )
        shown: list[int] = []
        report = await run_load(
            callers,
            ProcessMeter(0),
            number=3,
            seconds=7.5,
            show_every_s=2.0,
            show=lambda _, on_line: shown.append(on_line),
        )
    assert report.lost == 0
    assert report.calls["done"] >= 3
    assert report.calls["done"] + report.calls.get("stopped", 0) == len(edge.sockets) > 3
    assert report.turns >= report.calls["done"]
    assert report.wait_p50_ms is not None
    assert 1000 * DELAY_S - 20 < report.wait_p50_ms < 1000 * DELAY_S + 400
    assert (max(shown), shown[-1]) == (3, 0)
    assert len({form["From"] for form in edge.forms}) == len(edge.sockets)


async def test_refusals_and_failures_are_counted_with_their_reasons_and_a_stopped_load_is_over_at_once() -> None:
    refuses = "<Response><Say>All lines are busy.</Say><Hangup/></Response>"
    async with serving(ToneEdge([], first=refuses)) as edge:
        tokens = {1: AUTH_TOKEN, 2: "wrong"}
        callers = LoadCallers(lambda index: Caller(edge.url, tokens[index]), SAYS, number=2, ramp_s=0.0)
        running = asyncio.create_task(run_load(callers, ProcessMeter(0), number=2, seconds=60.0))
        while sum(callers._experienced.calls.values()) < 2:  # noqa: ASYNC110 - counted as calls end
            await asyncio.sleep(0.01)
        callers.stop()
        async with asyncio.timeout(5):
            report = await running
    assert (report.calls, report.lost) == ({"refused": 1, "failed": 1}, 2)
    assert any("All lines are busy" in trouble for trouble in report.troubles)
    assert any("refuses the signature" in trouble for trouble in report.troubles)


async def test_audio_that_comes_too_late_is_a_gap_and_a_pause_between_turns_is_none() -> None:
    line = PhoneLine(sleep=lambda _: asyncio.sleep(0))
    clock = asyncio.create_task(line.run())

    async def pause(seconds: float) -> None:
        await line.until(lambda: False, seconds)

    for after_s in (0.0, 0.3, 2.0):
        await pause(after_s)
        line.playout.put(encode(tone(0.2)))
        await pause(0.2)
    line.say(tone(0.1))
    await pause(0.4)
    line.playout.put(encode(tone(0.2)))
    await pause(0.3)
    await line.clear()
    line.playout.put(encode(tone(0.2)))
    await pause(0.3)
    line.end()
    await clock
    (gap_s,) = line.gaps_s
    assert gap_s == pytest.approx(0.3, abs=0.1)


def test_the_system_that_runs_here_is_called_with_its_own_secret(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert find_system(settings, "", "", "+15550100") is None
    own = RunningStack(url="http://127.0.0.1:1", auth_token="t", redis_url="redis://x", pid=os.getpid())
    write_run_file(settings, own)
    found = find_system(settings, "", "", "+15550100")
    assert found is not None
    assert (found.address, found.supervisor) == ("http://127.0.0.1:1", os.getpid())
    assert isinstance(found.new_caller(3), Caller)
    elsewhere = find_system(settings, "browser", "http://198.51.100.7", "+15550100")
    assert elsewhere is not None
    assert elsewhere.supervisor == 0
    for line, what in (("sip", "--sip"), ("plivo", "ORCHESTRA_PLIVO_AUTH_TOKEN"), ("telnyx", "its network")):
        with pytest.raises(UsageError, match=what):
            find_system(settings, line, "", "+15550100")
