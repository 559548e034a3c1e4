"""Rules for the source tree: sizes of files and functions, and where things belong."""

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from orchestra import errors

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for room in ("schemas", "orchestra", "workers") for path in (ROOT / room).rglob("*.py"))
LONGEST_FILE = 600
LONGEST_FUNCTION = 80
TOP_LEVEL = {"pyproject.toml", "orchestra", "workers", "schemas", "tests", "compose.yaml", "README.md", "LICENSE"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_are_short_enough_to_read(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < LONGEST_FUNCTION, f"{node.name} is too long"


def test_the_top_level_holds_only_what_the_readme_lists() -> None:
    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")} - {"uv.lock"}
    assert found <= TOP_LEVEL


#: these print fixed texts, and JSON that is escaped there
PRINTS = {"terminal.py", "schema.py", "call.py"}


def test_commands_print_only_through_the_console_that_escapes_control_characters() -> None:
    for path in sorted((ROOT / "orchestra" / "cli").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and path.name not in PRINTS:
                assert node.func.id not in {"print", "Console"}, f"{path.name}, line {node.lineno}: see terminal.py"


#: Pipecat's own log, which is redirected to ours
FOREIGN_LOGS = {"pipecat_logging.py": "pipecat"}


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if "get_logger(" in path.read_text("utf-8")], ids=lambda path: path.name
)
def test_a_logger_is_named_after_its_package(path: Path) -> None:
    inside = path.relative_to(ROOT).parts
    room = FOREIGN_LOGS.get(path.name) or ".".join(inside[: 1 + (len(inside) > 2)])
    (named,) = re.findall(r"^(\w+) = structlog\.get_logger\((.*)\)$", path.read_text("utf-8"), re.MULTILINE)
    assert named == ("_LOG", f'"{room}"')


#: rooms whose code gets the time as a parameter; only the pipeline's transport paces real audio by the clock
ON_A_GIVEN_CLOCK = ("call", "audio", "pipeline")
PACES_AUDIO = {"transport.py"}


def test_the_code_of_a_call_gets_the_time_and_never_reads_the_system_clock() -> None:
    for path in (path for room in ON_A_GIVEN_CLOCK for path in (ROOT / "orchestra" / "voice" / room).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules = [*names, node.module or ""] if isinstance(node, ast.ImportFrom) else names
            if path.name not in PACES_AUDIO:
                assert not {"time", "datetime"} & set(modules), f"{path.name}, line {node.lineno}: take a Clock"


#: packages whose modules must not import one another in a circle, imports for type checkers included
WITHOUT_CIRCLES = [
    "orchestra.agents.autogen",
    "orchestra.analysis",
    "orchestra.archive",
    "orchestra.bus",
    "orchestra.console",
    "orchestra.evaluation",
    "orchestra.execution",
    "orchestra.language",
    "orchestra.recordings",
    "orchestra.replay",
    "orchestra.voice",
]


def modules(package: str) -> dict[str, Path]:
    folder = ROOT / package.replace(".", "/")
    names = {
        path: ".".join((package, *path.relative_to(folder).with_suffix("").parts)) for path in folder.rglob("*.py")
    }
    return {name.removesuffix(".__init__"): path for path, name in names.items()}


def imported(path: Path, known: dict[str, Path]) -> Iterator[str]:
    """The known modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                if (found := name if name in known else node.module) in known:
                    yield found


@pytest.mark.parametrize("package", WITHOUT_CIRCLES)
def test_modules_do_not_import_one_another_in_a_circle(package: str) -> None:
    known = modules(package)
    try:
        TopologicalSorter({name: set(imported(path, known)) for name, path in known.items()}).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(reversed(error.args[1])))


#: a ConnectionError of redis-py, so that retries of lost connections include it; and a test's failed assertion
OUTSIDE_OF_THE_TREE = {"TransientError", "DivergedError"}


def test_an_exception_is_private_or_defined_in_errors() -> None:
    for path in (path for path in SOURCES if path.is_relative_to(ROOT / "orchestra") and path.name != "errors.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and any("Error" in ast.unparse(parent) for parent in node.bases):
                assert node.name.startswith("_") or node.name in OUTSIDE_OF_THE_TREE, f"{path}: {node.name}"


def test_the_drawn_tree_of_exceptions_matches_the_code() -> None:
    tree = (errors.__doc__ or "").partition("\n\n")[2].partition("\n\n")[0]
    drawn: dict[str, str] = {}
    above = ["Exception"]
    for marks, name in re.findall(r"^([│├└─ ]*)(\w+(?:Error|Failed))\b", tree, re.MULTILINE):
        depth = len(marks) // 4
        above[depth + 1 :] = [name]
        drawn[name] = above[depth]
    found = {name: each for name, each in vars(errors).items() if isinstance(each, type)}
    assert drawn == {name: each.__bases__[0].__name__ for name, each in found.items()}
