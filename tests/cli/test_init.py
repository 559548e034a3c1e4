"""A new app passes its own test, and a running one takes up what is changed."""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from orchestra.cli import app
from orchestra.errors import UsageError
from orchestra.reload import reload_on_change

PIPE, STDOUT = asyncio.subprocess.PIPE, asyncio.subprocess.STDOUT


def init(folder: Path, name: str) -> None:
    result = CliRunner().invoke(app, ["init", name, "--folder", str(folder)])
    if result.exception is not None:
        raise result.exception


@pytest.mark.integration
async def test_a_new_app_passes_its_own_test(tmp_path: Path) -> None:
    init(tmp_path, "flower-shop")
    environment = {**os.environ, "ORCHESTRA_DATA_DIR": str(tmp_path)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pytest", "-rA", cwd=tmp_path / "flower-shop", env=environment, stdout=PIPE, stderr=STDOUT
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    assert "3 passed" in out.decode()
    assert "partition.owned" not in out.decode()


@pytest.mark.integration
async def test_the_callers_of_a_new_app_get_what_they_want_and_not_from_a_broken_one(tmp_path: Path) -> None:
    init(tmp_path, "flower-shop")
    folder = tmp_path / "flower-shop"
    environment = {**os.environ, "ORCHESTRA_DATA_DIR": str(tmp_path), "ORCHESTRA_APP": "flower_shop:app"}

    async def simulated() -> tuple[int | None, str]:
        command = (sys.executable, "-m", "orchestra.cli", "simulate", "--repeat", "2")
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, env=environment, stdout=PIPE, stderr=STDOUT
        )
        out, _ = await process.communicate()
        return process.returncode, out.decode()

    code, out = await simulated()
    assert code == 0, out
    assert [line.split()[:3] for line in out.splitlines() if line.startswith(("opening", "order"))] == [
        ["opening-hours", "2", "2"],
        ["order-found", "2", "2"],
        ["order-cancelled", "2", "2"],
    ]
    text = (folder / "flower_shop.py").read_text()
    (folder / "flower_shop.py").write_text(text.replace("context.resources.pop(number", "{}.pop(number"))
    code, out = await simulated()
    assert code == 1
    assert "order-cancelled, seed 1, turn 4: success: the orders left are ['12', '34']" in out
    assert "66.7% of the runs pass, at least 100.0% is required" in out


def test_a_folder_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    init(tmp_path, "shop")
    with pytest.raises(UsageError, match="exists already"):
        init(tmp_path, "shop")


def test_a_name_that_python_could_not_import_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a valid name"):
        init(tmp_path, "4 seasons")


async def test_the_workers_are_restarted_when_the_app_has_changed_and_can_be_loaded(tmp_path: Path) -> None:
    init(tmp_path, "shop")
    folder = tmp_path / "shop"
    text = (folder / "shop.py").read_text()
    broken, changed = text.replace('entry="reception"', 'entry="nobody"'), text.replace("Welcome", "Hello")
    restarted = asyncio.Event()

    async def restart() -> None:
        restarted.set()

    async def until(done: Callable[[], bool], written: str) -> None:
        async with asyncio.timeout(90):
            while not done():  # written again, since nothing says when the watcher begins
                (folder / "shop.py").write_text(written)
                await asyncio.sleep(0.2)

    with capture_logs() as logs:
        watching = asyncio.create_task(reload_on_change(folder, "shop:app", restart))
        await until(lambda: any(entry["event"] == "stack.not_reloaded" for entry in logs), broken)
        assert not restarted.is_set()
        await until(restarted.is_set, changed)
        watching.cancel()
    assert any("nobody" in entry["problem"] for entry in logs if entry["event"] == "stack.not_reloaded")


@pytest.mark.parametrize("command", ["init", "new-consumer"])
def test_the_command_that_runs_the_test_says_what_brings_pytest(tmp_path: Path, command: str) -> None:
    told = CliRunner().invoke(app, [command, "shop", "--folder", str(tmp_path)]).output
    (line,) = [line for line in told.splitlines() if line.startswith("test it:")]
    assert "python -m pytest" in line
    assert line.endswith("pip install 'orchestra-voice[test]' brings pytest")


@pytest.mark.parametrize("missing", ["pytest", "pytest_asyncio"])
async def test_fixtures_without_their_extra_say_which_it_is(tmp_path: Path, missing: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None\nimport orchestra.testing"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, cwd=tmp_path, stderr=PIPE)
    _, errors = await process.communicate()
    line = errors.decode().splitlines()[-1]
    assert line.startswith("orchestra.errors.MissingExtraError: ")
    assert line.endswith(f'needs {missing}, which is not installed: pip install "orchestra-voice[test]"')
