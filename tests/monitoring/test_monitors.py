"""Monitors: figures with a threshold; an alarm is raised once and cleared once, whatever happens in between."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestra.cli import app
from orchestra.errors import MonitorError, UsageError
from orchestra.monitoring import watch as watching
from orchestra.monitoring.alarm import AlarmState, look
from orchestra.monitoring.look import figure_of
from orchestra.monitoring.monitor import BUILTIN, Monitor, read_monitors
from orchestra.monitoring.watch import Watch, look_once
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import AlarmCleared, AlarmRaised, CallStarted, TurnCompleted, UserTurnEnded

WAIT = Monitor(name="wait", sql="SELECT 1", above=2.0)


def test_an_alarm_needs_several_looks_to_begin_and_to_end() -> None:
    state, told = AlarmState(), []
    for at, value in enumerate([1, 9, 1, 9, None, 9, 9, 1, 9, 1, None, 2.0, 1], 100):
        state, event = look(WAIT, state, value, float(at), new_alarm=lambda: "07-alarm", about="slow")
        told += [] if event is None else [(at, event)]
    (raised_at, raised), (cleared_at, cleared) = told
    assert (raised_at, cleared_at) == (105, 111)
    assert isinstance(raised, AlarmRaised)
    assert (raised.call, raised.value, raised.threshold, raised.about) == ("07-alarm", 9, 2.0, "slow")
    assert isinstance(cleared, AlarmCleared)
    assert (cleared.call, cleared.value, cleared.duration_s) == ("07-alarm", 2.0, 6.0)
    assert state == AlarmState()


def test_a_figure_may_be_wrong_below_its_threshold() -> None:
    alive = Monitor(name="alive", run="simulate heartbeat.yaml", below=1.0)
    assert (alive.is_wrong(0.0), alive.is_wrong(1.0), alive.side) == (True, False, "below")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[monitor]]\nname='a'\nabove=1", r"\[\[monitor\]\] 1 'a': give one of sql, run and figure"),
        ("[[monitor]]\nname='a'\nsql='SELECT 1'\nrun='x'\nabove=1", "give one of sql, run and figure"),
        ("[[monitor]]\nname='a'\nsql='SELECT 1'", "give above or below"),
        ("[[monitor]]\nname='a b'\nsql='SELECT 1'\nabove=1", "name"),
        ("[[monitor]]\nname='a'\nsql='SELECT 1'\nabove=1\nevery_s=0", "every_s"),
        ("[[monitor]]\nname='a'\nsql='SELECT 1'\nabove=1\nwindow=3", "window"),
        ("[[monitor]]\nname='a'\nsql='S'\nabove=1\n" * 2, "two are named 'a'"),
        ("monitors = 1", "monitors"),
        ("[[monitor", "Expected"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "monitors.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=problem):
        read_monitors(file)


def test_a_monitor_of_a_file_takes_the_place_of_a_built_in_one(tmp_path: Path) -> None:
    file = tmp_path / "monitors.toml"
    file.write_text("[[monitor]]\nname='wait'\nsql='SELECT 1'\nabove=9\n")
    assert [each.name for each in read_monitors(file)] == ["errors", "success", "memory", "wait"]
    file.write_text("builtin = false\n" + file.read_text())
    assert [(each.name, each.threshold) for each in read_monitors(file)] == [("wait", 9)]
    assert read_monitors(None) == BUILTIN


@pytest.mark.integration
async def test_an_alarm_is_published_once_and_survives_a_restart(bus: TestBus) -> None:
    settings = bus.bus.settings
    for each in BUILTIN:  # they run as they are, on a system without calls
        assert each.figure or await figure_of(each, settings) == (None, "")
    failed = "SELECT count(*) FROM turns WHERE failed AND time >= {since}"
    watched = Monitor(name="failed", sql=failed, above=0.0, about="turns that failed")
    call = bus.call()
    turn = UserTurnEnded(call=call, turn=1, text="hello")
    await bus.publish(CallStarted(call=call), turn, TurnCompleted(call=call, turn=1, agent="desk", failed=True))
    for _ in range(3):
        await Watch([watched], settings, bus.bus).look(watched)  # a new process each time
    (raised,) = await bus.published(AlarmRaised)
    assert (raised.monitor, raised.value, raised.about) == ("failed", 1.0, "turns that failed")
    calls = Monitor(name="calls", sql="SELECT count(*) FROM calls", above=9.0)
    assert await figure_of(calls, settings) == (1.0, "")  # an alarm is no call
    well = Monitor(name="failed", sql=failed, above=5.0)
    for _ in range(3):
        await Watch([well], settings, bus.bus).look(well)
    (cleared,) = await bus.published(AlarmCleared)
    assert cleared.call == raised.call


@pytest.mark.integration
async def test_of_several_processes_one_looks_and_the_alarm_of_a_removed_monitor_is_cleared(
    bus: TestBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_TIDY_S", 0.05)
    one = Monitor(name="one", sql="SELECT 1", above=0.0, every_s=0.02, times=1)
    other = Monitor(name="other", sql="SELECT 1", above=0.0, every_s=0.02, times=1)
    looks: list[str] = []
    look_at = Watch.look

    async def counted(watch: Watch, monitor: Monitor) -> None:
        looks.append(watch._token)
        await look_at(watch, monitor)

    monkeypatch.setattr(Watch, "look", counted)

    def watch(*monitors: Monitor, source: str) -> tuple[Watch, asyncio.Task[None]]:
        made = Watch(monitors, bus.bus.settings, bus.bus, source=source)
        return made, asyncio.create_task(made.run())

    async def end(made: Watch, running: "asyncio.Task[None]") -> None:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await made.close()

    async def told(kind: type[AlarmRaised | AlarmCleared], number: int) -> list[str]:
        async with asyncio.timeout(20):
            while len(found := await bus.published(kind)) < number:  # noqa: ASYNC110 - a watch publishes
                await asyncio.sleep(0.02)
        return [event.monitor for event in found]

    first, second = watch(one, other, source="a"), watch(one, other, source="a")
    assert sorted(await told(AlarmRaised, 2)) == ["one", "other"]
    async with asyncio.timeout(20):
        while len(looks) < 12:  # noqa: ASYNC110 - two watches look
            await asyncio.sleep(0.02)
    assert len(set(looks)) <= 2  # one process each
    assert await told(AlarmCleared, 0) == []
    third = watch(one, source="b")
    await end(*first)
    await end(*second)
    looks.clear()
    fourth = watch(one, source="a")
    assert await told(AlarmCleared, 1) == ["other"]
    await end(*third)
    await end(*fourth)
    (raised,) = [event for event in await bus.published(AlarmRaised) if event.monitor == "other"]
    (cleared,) = await bus.published(AlarmCleared)
    assert (cleared.call, cleared.about) == (raised.call, "its monitor was taken away")
    assert len(await bus.published(AlarmRaised)) == 2


@pytest.mark.integration
@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("SELECT nothing FROM turns", "monitor bad: .*nothing"),
        ("SELECT * FROM read_csv('/etc/passwd')", "monitor bad: refused"),
        ("SELECT 1, 2", "give one number"),
        ("SELECT 'text'", "no number"),
    ],
)
async def test_a_wrong_query_ends_the_process_at_its_first_look(bus: TestBus, sql: str, problem: str) -> None:
    watch = Watch([Monitor(name="bad", sql=sql, above=1)], bus.bus.settings, bus.bus)
    with pytest.raises(ExceptionGroup) as raised:
        await watch.run()
    assert raised.group_contains(UsageError, match=problem)


@pytest.mark.integration
async def test_a_query_that_takes_too_long_is_ended(settings: Settings) -> None:
    slow = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range * b.range % 7 = 3"
    with pytest.raises(MonitorError, match=r"longer than 0\.1 s"):
        async with asyncio.timeout(10):
            await figure_of(Monitor(name="slow", sql=slow, above=1, within_s=0.1), settings)


@pytest.mark.integration
def test_one_look_prints_the_figures_and_tells_by_its_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("ORCHESTRA_REDIS_URL", raising=False)
    well = CliRunner().invoke(app, ["monitor", "--once"])
    assert (well.exit_code, well.output.count("nothing to tell")) == (0, 3)
    file = tmp_path / "monitors.toml"
    file.write_text("builtin = false\n[[monitor]]\nname='one'\nsql='SELECT 1.5'\nabove=1\n")
    wrong = CliRunner().invoke(app, ["monitor", str(file), "--once"])
    assert wrong.exit_code == 1
    assert wrong.output.splitlines()[1].split() == ["one", "1.5", "above", "1", "WRONG"]


@pytest.mark.integration
async def test_a_command_is_well_if_it_succeeds(settings: Settings, tmp_path: Path) -> None:
    def alive(run: str) -> Monitor:
        return Monitor(name="alive", run=run, below=1.0)

    file = tmp_path / "wrong.toml"
    file.write_text("builtin = false\n[[monitor]]\nname='one'\nsql='SELECT 1.5'\nabove=1\n")
    nobody = "call --url http://127.0.0.1:9 --say hello"  # a line that is down is no mistake of the monitors' author
    found = await look_once([alive("schema"), alive(f"monitor {file} --once"), alive(nobody)], settings)
    assert [value for _, value, _ in found] == [1.0, 0.0, 0.0]
    assert "nothing listens at http://127.0.0.1:9" in found[2][2]


def test_a_command_that_there_is_not_is_refused_at_start(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text("builtin = false\n[[monitor]]\nname='alive'\nrun='simulat heartbeat.yaml'\nbelow=1\n")
    refused = CliRunner().invoke(app, ["monitor", str(file), "--once"])
    assert isinstance(refused.exception, UsageError)
    assert "no command `orchestra simulat`" in str(refused.exception)
    for run, problem in (
        ("webhooks lst", "no command `orchestra webhooks lst`"),
        ("webhooks", "no whole command"),
        ("simulate --repeet 2", "No such option: --repeet"),
        ("simulate --repeat often", "valid integer"),
        ("webhooks test", "Missing argument"),
    ):
        file.write_text(f"builtin = false\n[[monitor]]\nname='alive'\nrun='{run}'\nbelow=1\n")
        refused = CliRunner().invoke(app, ["monitor", str(file), "--once"])
        assert problem in str(refused.exception)
    file.write_text("builtin = false\n[[monitor]]\nname='alive'\nrun='simulate \"heart'\nbelow=1\n")
    with pytest.raises(UsageError, match="No closing quotation"):
        read_monitors(file)
