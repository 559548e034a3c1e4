"""A folder with modules named like Orchestra's packages is one line that names them, whatever is started there."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from orchestra.agents import load_app
from orchestra.bus.consumer.worker import load_consumer
from orchestra.errors import AppError, ConsumerError
from orchestra.names import clash

APP = "from orchestra import App\napp = App(name='x', entry='x', agents=())\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "clinic.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())  # to which the folder is added
    return tmp_path


def make(folder: Path, name: str) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("class Patient: ...\n")
    return path


@pytest.mark.parametrize("name", ["schemas.py", "workers.py", "schemas/__init__.py", "workers/__init__.py"])
def test_a_module_of_the_same_name_is_named(folder: Path, name: str) -> None:
    path = make(folder, name)
    place = path.parent if path.name == "__init__.py" else path
    told = f"{place} stands before Orchestra's own package '{place.stem}': rename it"
    assert clash(folder).startswith(told)
    with pytest.raises(AppError, match="stands before Orchestra's own package"):
        load_app("clinic:app")
    with pytest.raises(ConsumerError, match="stands before Orchestra's own package"):
        load_consumer("workers.execution:consumer")


@pytest.mark.parametrize("name", ["schemas/patient.json", "workers/notes.txt", "myschemas.py", "agents.py"])
def test_what_takes_no_ones_place_is_no_clash(folder: Path, name: str) -> None:
    make(folder, name)
    assert clash(folder) == ""
    assert load_consumer("workers.execution:consumer").name == "execution"


def test_orchestra_itself_is_no_clash() -> None:
    assert clash() == clash(Path(__file__).parents[2]) == ""


@pytest.mark.parametrize("name", ["schemas.py", "workers/__init__.py"])
@pytest.mark.parametrize("arguments", [["up"], ["worker", "clinic:consumer"], ["calls", "list"]])
async def test_every_command_ends_with_one_line(folder: Path, name: str, arguments: list[str]) -> None:
    make(folder, name)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "orchestra.cli", *arguments),
        env=os.environ | {"ORCHESTRA_DATA_DIR": str(folder), "ORCHESTRA_APP": "clinic:app"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    (line,) = out.decode().splitlines()
    assert line.startswith(f"orchestra: {folder / name.removesuffix('/__init__.py')} stands before")
    assert process.returncode == 2
