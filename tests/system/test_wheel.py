"""Installed from its wheel, by pip, Orchestra takes no name that a project has for its own folders."""

import asyncio
import os
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


async def run(*command: str, cwd: Path, **environment: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()


@pytest.fixture
async def installed(tmp_path: Path) -> Path:
    """The programs of an environment that has the wheel, and what it depends on from the environment of the tests."""
    await run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path), cwd=ROOT)
    (wheel,) = [path for path in os.listdir(tmp_path) if path.endswith(".whl")]  # noqa: PTH208 - asynchronous
    await run(sys.executable, "-m", "venv", str(tmp_path / "env"), cwd=tmp_path)
    programs = tmp_path / "env" / "bin"
    await run(str(programs / "python"), "-m", "pip", "install", "--no-index", "--no-deps", wheel, cwd=tmp_path)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(tmp_path / "env")}))
    # a path file within a folder that is named by one is not read: the project of the tests is not on this path
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return programs


@pytest.mark.integration
async def test_a_project_with_folders_called_schemas_workers_and_tests_has_a_call(
    installed: Path, tmp_path: Path
) -> None:
    home = {"ORCHESTRA_DATA_DIR": str(tmp_path / "data")}
    await run(str(installed / "orchestra"), "init", "shop", cwd=tmp_path, **home)
    shop = tmp_path / "shop"
    for name in ("schemas", "workers", "tests", "events"):
        (shop / name).mkdir(exist_ok=True)
        (shop / name / "__init__.py").write_text("ours = True\n", encoding="utf-8")
    (shop / "test_ours.py").write_text(
        "import orchestra, schemas, workers, tests\n\n\n"
        "def test_each_process_of_a_stack_does_its_part():\n"
        "    assert schemas.ours and workers.ours and tests.ours\n"
        f"    assert orchestra.__file__.startswith({str(installed.parent)!r})\n",
        encoding="utf-8",
    )
    out = await run(str(installed / "python"), "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=shop, **home)
    assert "4 passed" in out
    told = await run(
        str(installed / "python"), "-c", "from orchestra.bus.worker.process import load_consumer as load\n"
        "print(load('orchestration').name, load('workers.execution:consumer').name)", cwd=shop, **home
    )  # fmt: skip
    assert told.split() == ["orchestration", "execution"]
