"""Every page for people is true: its Python runs, its commands parse, its settings, links and data are real."""

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import msgspec
import pytest
import typer
import yaml

from orchestra.agents import load_app
from orchestra.cli import app as command_line
from orchestra.cli.doctor.settings import settings_page
from orchestra.evaluation.dataset import Case
from orchestra.prices import Prices
from orchestra.settings import Settings, settings_from_files
from orchestra.simulator.script import read_script
from orchestra.voice.carriers.browser.carrier import PAGE_PATH
from orchestra_schemas import event_types

ROOT = Path(__file__).parents[1]
PLACES = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("README.md", "*/README.md", "orchestra/*/README.md")
    for path in ROOT.glob(pattern)
)
PAGES = {place: (ROOT / place).read_text(encoding="utf-8") for place in PLACES}
SOURCE = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "orchestra").rglob("*.py")))
#: files that accompany the Python of a page when it runs
BESIDE = {
    "orchestra/agents/README.md": {
        "prompts/reception.md": "You answer the telephone of a clinic.",
        "journal.jsonl": (ROOT / "tests" / "agents" / "golden" / "status.jsonl").read_text(encoding="utf-8"),
        "pages/parking.md": "# Parking\n\nWhere you can park: in Mill Lane.\n",
    },
}
#: other programs: the test only checks that the shell can parse their lines
FOREIGN = {"cd", "cp", "curl", "docker", "export", "git", "kubectl", "pip", "python", "redis-cli", "rsync", "uv"}
LONGEST_README = 150
#: the widest line of a diagram, and names in one that are not events
WIDEST = 120
PRODUCTS = {"AutoGen", "ElevenLabs"}
TOOLS = {"lint-imports", "mypy", "pytest", "python", "ruff"}
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"# (\S+\.py)\b")


def blocks(place: str, language: str) -> list[str]:
    return [code for found, code in _BLOCK.findall(PAGES[place]) if found == language]


def with_blocks(language: str) -> list[str]:
    return [place for place in PLACES if blocks(place, language)]


def file_of(code: str) -> str:
    """The file that a block of Python names in its first line, or ""."""
    found = _FILE.match(code)
    return found[1] if found else ""


def slugs(text: str) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", _BLOCK.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_can_be_read_in_a_few_minutes() -> None:
    assert len(PAGES["README.md"].splitlines()) <= LONGEST_README


# -- Python


def run_python(place: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run a page's blocks in order, each with the names of those before it; returns all of them."""
    monkeypatch.chdir(folder)
    for name, text in BESIDE.get(place, {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    names: dict[str, Any] = {}
    for number, code in enumerate(blocks(place, "python")):
        if file_of(code).startswith("test_"):
            continue
        module = ModuleType(file_of(code).removesuffix(".py") or f"block_{number}")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        module.__dict__.update(names)
        exec(compile(code, f"{place}, block {number}", "exec"), module.__dict__)
        names |= {name: value for name, value in module.__dict__.items() if not name.startswith("__")}
    return names


@pytest.mark.parametrize("place", with_blocks("python"))
def test_the_python_of_a_page_runs(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = run_python(place, tmp_path, monkeypatch)
    if "consumer" in names:
        names["consumer"].check()
    for code in blocks(place, "python"):
        if "\napp = App(" in code:
            assert load_app(f"{file_of(code).removesuffix('.py')}:app")


def test_the_tests_on_the_pages_pass(tmp_path: Path) -> None:
    named = {file_of(code): code for place in PLACES for code in blocks(place, "python") if file_of(code)}
    for name, code in named.items():
        (tmp_path / name).write_text(code)
    tests = [name for name in named if name.startswith("test_")]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout
    assert f"{len(tests)} passed" in ended.stdout


def test_the_consumer_of_the_workers_page_has_fifteen_lines() -> None:
    (code,) = [code for code in blocks("workers/README.md", "python") if file_of(code) == "mood.py"]
    assert len(code.splitlines()) <= 16  # the first line names the file


# -- commands


def lines_of(block: str) -> Iterator[list[str]]:
    """The commands of a block of shell, as words; without variable assignments and redirections."""
    for line in block.replace("\\\n", " ").splitlines():
        words = shlex.shlex(line, posix=True, punctuation_chars="&|;<>")
        words.whitespace_split = True
        for is_end, command in groupby(words, key=lambda word: set(word) <= set("&|;")):
            found = [word for word in command if not re.match(r"[A-Z_]+=", word)]
            for at in reversed([at for at, word in enumerate(found) if set(word) <= set("<>")]):
                del found[at : at + 2]
            if found and not is_end:
                yield found


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    """The command that these words name, and the remaining words."""
    command: Any = typer.main.get_command(command_line)
    while hasattr(command, "commands") and words and re.fullmatch("[a-z-]+", words[0]):
        assert words[0] in command.commands, f"there is no command {' '.join(words)}"
        command, words = command.commands[words[0]], words[1:]
    return command, words


def parse(arguments: list[str]) -> None:
    """Have the command line parse these arguments, up to the point at which the command would run."""
    command, rest = command_of(arguments)
    if "--help" not in rest:
        command.make_context(command.name, rest)


@pytest.mark.parametrize("place", with_blocks("sh"))
def test_the_commands_on_a_page_parse(place: str) -> None:
    for block in blocks(place, "sh"):
        subprocess.run(["/bin/bash", "-n"], input=block, text=True, check=True)
        for line in lines_of(block):
            words = line[2:] if line[:2] == ["uv", "run"] else line
            assert words[0] in (TOOLS | {"orchestra"} if words != line else FOREIGN | TOOLS | {"orchestra"}), line
            if words[0] == "orchestra":
                parse(words[1:])
            elif words[0] == "pytest":
                assert all((ROOT / word).exists() for word in words[1:] if "/" in word), words
            elif words[:3] == ["python", "-m", "tests.bench"]:
                assert (ROOT / "tests" / "bench" / f"{words[3]}.py").exists(), words


@pytest.mark.parametrize("place", PLACES)
def test_commands_named_in_a_sentence_exist(place: str) -> None:
    text = _BLOCK.sub("", PAGES[place])
    for line in re.findall(r"`(?:uv run )?orchestra( [a-z][^`]*)`", text):
        command, words = command_of(line.split())
        options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        assert {word.partition("=")[0] for word in words if word.startswith("--")} <= options, line


# -- settings, links, data


@pytest.mark.parametrize("place", PLACES)
def test_every_setting_on_a_page_exists(place: str) -> None:
    there_are = {f"ORCHESTRA_{name.upper()}" for name in Settings.model_fields}
    there_are |= {f"ORCHESTRA_{name.upper()}_FILE" for name in settings_from_files()}
    assert set(re.findall(r"ORCHESTRA_[A-Z0-9_]*[A-Z0-9]", PAGES[place])) <= there_are


@pytest.mark.parametrize("place", PLACES)
def test_every_link_on_a_page_resolves(place: str) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", _BLOCK.sub("", PAGES[place])):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / place).parent / path if path else ROOT / place
        assert target.exists(), link
        assert not anchor or anchor in slugs(target.read_text(encoding="utf-8")), link


def read_json(text: str, _folder: Path) -> None:
    if '"turns"' in text:
        assert msgspec.json.decode(text, type=Case).turns
    else:
        assert Prices.model_validate_json(text).any


def read_toml(text: str, folder: Path) -> None:
    assert tomllib.loads(text)
    if "[[say]]" in text:
        (folder / "call.toml").write_text(text)
        assert read_script(folder / "call.toml")


def read_diagram(text: str, _folder: Path) -> None:
    assert max(map(len, text.splitlines())) <= WIDEST
    named = set(re.findall(r"\b(?:[A-Z][a-z]+){2,}\b", text)) - PRODUCTS
    assert named <= {event_type.__name__ for event_type in event_types().values()}


def read_html(text: str, _folder: Path) -> None:
    """Scripts are files that the edge serves, and the element is the one that they define."""
    for address in re.findall(r'src="([^"]+)"', text):
        folder, _, name = urlsplit(address).path.rpartition("/")
        assert f"{folder}/" == PAGE_PATH
        script = (files("orchestra.voice.carriers.browser") / "pages" / name).read_text(encoding="utf-8")
        assert set(re.findall(r"<(\w+-\w+)", text)) == set(re.findall(r'customElements.define\("([^"]+)"', script))


#: pages whose SQL runs in `tests/analysis`
QUERIED = {"orchestra/analysis/README.md", "orchestra/post_call/README.md"}
#: how a block of data is read; Python, shell and SQL have their own tests
READERS: dict[str, Callable[[str, Path], Any]] = {
    "xml": lambda text, _: ET.fromstring(f"<View>{text}</View>"),
    "json": read_json,
    "toml": read_toml,
    "html": read_html,
    "yaml": lambda text, _: list(yaml.safe_load_all(text)),
    "text": read_diagram,
}


@pytest.mark.parametrize("place", PLACES)
def test_every_block_on_a_page_is_covered_by_a_test(place: str, tmp_path: Path) -> None:
    for language, code in _BLOCK.findall(PAGES[place]):
        if language in {"python", "sh"} or (language == "sql" and place in QUERIED):
            continue
        assert language in READERS, f"{place}: no test reads a block of {language or 'no language'}"
        READERS[language](code, tmp_path)


def test_the_contributors_page_names_every_room() -> None:
    rooms = {path.parent.name for path in (ROOT / "orchestra").glob("*/__init__.py")}
    assert {room for room in rooms if f"`orchestra/{room}/`" not in PAGES["tests/README.md"]} == set()


# -- the operator's page

OPERATING = "orchestra/cli/README.md"


def test_the_page_lists_the_current_settings() -> None:
    shown = PAGES[OPERATING].partition("<!-- settings -->\n")[2].partition("\n<!-- /settings -->")[0]
    assert shown == settings_page(), "python -m tests.test_readme writes the table again"


def test_every_log_line_of_the_runbook_exists_in_the_code() -> None:
    runbook = PAGES[OPERATING].partition("## Runbook")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([a-z]+\.[a-z_]+)`", runbook))
    assert named
    assert {name for name in named if f'"{name}"' not in SOURCE} == set()


def test_every_metric_on_the_page_exists_in_the_code() -> None:
    named = set(re.findall(r"\borchestra_[a-z_]+\b", PAGES[OPERATING]))
    assert named
    assert {name for name in named if f'"{name.removesuffix("_total").removesuffix("_bucket")}' not in SOURCE} == set()


if __name__ == "__main__":
    table = f"<!-- settings -->\n{settings_page()}\n<!-- /settings -->"
    found = re.sub(r"<!-- settings -->.*<!-- /settings -->", lambda _: table, PAGES[OPERATING], flags=re.DOTALL)
    (ROOT / OPERATING).write_text(found, encoding="utf-8")
