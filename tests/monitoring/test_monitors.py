"""Monitors: figures with a threshold; an alarm is raised once and cleared once, whatever happens in between."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestra.cli import app
from orchestra.errors import MonitorError, UsageError
from orchestra.monitoring import watch as watching
from orchestra.monitoring.alarm import AlarmState, look
from orchestra.monitoring.look import Figure, figures_of
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
        ("[[monitor]]\nname='a'\nrun='x'\nby='version'\nabove=1", "by names a column of sql"),
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
    assert [each.name for each in read_monitors(file)] == ["errors", "versions", "success", "memory", "wait"]
    file.write_text("builtin = false\n" + file.read_text())
    assert [(each.name, each.threshold) for each in read_monitors(file)] == [("wait", 9)]
    assert read_monitors(None) == BUILTIN


@pytest.mark.integration
async def test_an_alarm_is_published_once_and_survives_a_restart(bus: TestBus) -> None:
    settings = bus.bus.settings
    for each in BUILTIN:  # they run as they are, on a system without calls
        assert each.figure or [figure.value for figure in await figures_of(each, settings)] in ([None], [])
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
    assert await figures_of(calls, settings) == [Figure(1.0)]  # an alarm is no call
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
async def test_each_version_has_an_alarm_of_its_own_which_ends_when_it_answers_no_more(bus: TestBus) -> None:
    (builtin,) = [each for each in BUILTIN if each.name == "versions"]
    watch = Watch([builtin], bus.bus.settings, bus.bus)

    async def calls(version: str, failed: int) -> None:
        for number in range(40):
            call, turn = bus.call(), {"turn": 1, "version": version}
            done = TurnCompleted(call=call, agent="desk", failed=number < failed, **turn)  # type: ignore[arg-type]
            await bus.publish(CallStarted(call=call), UserTurnEnded(call=call, text="hello", **turn), done)  # type: ignore[arg-type]

    await calls("0.2.0+aaaaaaaaaaaa", failed=1)
    await calls("0.2.0+bbbbbbbbbbbb", failed=12)
    await calls("0.2.0+cccccccccccc", failed=3)  # 7.5 %, which may be chance
    for _ in range(3):
        await watch.look(builtin)
    (raised,) = await bus.published(AlarmRaised)
    assert raised.monitor == "versions"
    assert raised.about.startswith("0.2.0+bbbbbbbbbbbb: ")
    assert raised.value == pytest.approx(0.181, abs=0.001)  # the lower end of 30 %
    gone = Monitor(name="versions", sql="SELECT 'v' AS version, 0 AS n", by="version", above=0.05)
    for _ in range(3):
        await Watch([gone], bus.bus.settings, bus.bus).look(gone)
    (cleared,) = await bus.published(AlarmCleared)
    assert cleared.call == raised.call
    assert await bus.bus.redis.hgetall("orchestra:{shared}:monitors") == {}


@pytest.mark.integration
async def test_a_name_with_spaces_around_it_has_one_alarm(bus: TestBus) -> None:
    spaced = Monitor(name="apps", sql="SELECT ' desk ' AS app, 1 AS n", by="app", above=0)
    watch = Watch([spaced], bus.bus.settings, bus.bus)
    for _ in range(3):
        await watch.look(spaced)
    (raised,) = await bus.published(AlarmRaised)
    assert raised.about.startswith("desk: ")
    assert await bus.published(AlarmCleared) == []


@pytest.mark.integration
@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("SELECT nothing FROM turns", "monitor bad: .*nothing"),
        ("SELECT * FROM read_csv('/etc/passwd')", "monitor bad: refused"),
        ("SELECT 1, 2", "give one number"),
        ("SELECT 1 UNION ALL SELECT 2", "give one number, or say what each is by"),
        ("SELECT 'text'", "no number"),
        ("SELECT 1 AS app, 2 AS n --by version", "give the column version and one number"),
        ("SELECT 'v' AS version --by version", "give the column version and one number"),
    ],
)
async def test_a_wrong_query_ends_the_process_at_its_first_look(bus: TestBus, sql: str, problem: str) -> None:
    sql, _, by = sql.partition(" --by ")
    watch = Watch([Monitor(name="bad", sql=sql, by=by, above=1)], bus.bus.settings, bus.bus)
    with pytest.raises(ExceptionGroup) as raised:
        await watch.run()
    assert raised.group_contains(UsageError, match=problem)


@pytest.mark.integration
async def test_a_query_that_takes_too_long_is_ended(settings: Settings) -> None:
    slow = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range * b.range % 7 = 3"
    with pytest.raises(MonitorError, match=r"longer than 0\.1 s"):
        async with asyncio.timeout(10):
            await figures_of(Monitor(name="slow", sql=slow, above=1, within_s=0.1), settings)


@pytest.mark.integration
def test_one_look_prints_the_figures_and_tells_by_its_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("ORCHESTRA_REDIS_URL", raising=False)
    well = CliRunner().invoke(app, ["monitor", "--once"])
    assert (well.exit_code, well.output.count("nothing to tell")) == (0, 5)
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
    assert [figure.value for _, figure in found] == [1.0, 0.0, 0.0]
    assert "nothing listens at http://127.0.0.1:9" in found[2][1].about


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


async def test_the_process_that_has_raised_an_alarm_clears_it(bus: TestBus) -> None:
    share = Monitor(name="memory", figure="memory", above=0.0, times=1)
    well = Monitor(name="memory", figure="memory", above=1.0, times=1)
    watch = Watch([share], bus.bus.settings, bus.bus)
    await watch.look(share)
    await watch.look(well)
    (raised,), (cleared,) = await bus.published(AlarmRaised), await bus.published(AlarmCleared)
    assert (raised.call, raised.monitor) == (cleared.call, "memory")
