"""Scenarios from files: Python (``scenarios = (Scenario(…), …)``) or YAML.

The names of the fields ``persona``, ``goal`` and ``max_turns`` are those of Pipecat's simulations
(``pipecat.evals.simulation``). Its runner is not used: it talks to a bot over a transport of its own, and knows neither
journals nor what an app's tools have done.
"""

import dataclasses
import sys
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from importlib import import_module
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import msgspec

from orchestra.errors import MissingExtraError, OrchestraError, UsageError
from orchestra.evaluation.dataset import WantedTool
from orchestra.evaluation.simulation.disturbances import Disturbances
from orchestra.evaluation.simulation.scenario import Scenario

try:
    import yaml  # type: ignore[import-untyped]
except ModuleNotFoundError as missing:
    _msg = f'scenarios need {missing.name}: pip install "orchestra-voice[agents]"'
    raise MissingExtraError(_msg) from missing

_SUFFIXES = (".py", ".yaml", ".yml")
_SCENARIOS = "scenarios"
_DISTURBANCES = {each.name for each in dataclasses.fields(Disturbances)}


class WrittenScenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A scenario as a YAML file has it: the fields of `Scenario`; functions are named as ``module:function``."""

    name: str
    goal: str
    persona: str = ""
    facts: dict[str, str] = {}
    must_not_know: tuple[str, ...] = ()
    opening: str = ""
    answers: dict[str, str] = {}
    satisfied_by: tuple[str, ...] = ()
    success: str = ""
    tools: tuple[WantedTool | str, ...] = ()
    words: tuple[str, ...] = ()
    criterion: str = ""
    disturbances: dict[str, Any] = {}
    language: str = ""
    max_turns: int = 20
    line: str = ""
    number: str = ""
    variables: dict[str, str] = {}
    lifespan: str = ""


def load_scenarios(places: Sequence[Path], app: str) -> tuple[Scenario, ...]:
    """The scenarios of files and folders, in order; of no places, those beside the app.

    Args:
        places: Python or YAML files, or folders with such files.
        app: the app as ``module:attribute``; beside it are ``scenarios.py``, ``scenarios.yaml``, or such a folder.

    Raises:
        UsageError: there is no such file, or what stands in it is no scenario; the message says where, and what to do.

    """
    found: dict[str, tuple[Scenario, Path]] = {}
    for file in [each for place in places or [_beside(app)] for each in _files(place)]:
        for scenario in _read_python(file) if file.suffix == ".py" else read_yaml(file.read_bytes(), file):
            if scenario.name in found:
                msg = f"two scenarios are named {scenario.name!r}, in {found[scenario.name][1]} and {file}: rename one"
                raise UsageError(msg)
            found[scenario.name] = scenario, file
    return tuple(scenario for scenario, _ in found.values())


def _beside(app: str) -> Path:
    module = app.partition(":")[0]
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        spec = None
    folder = Path(spec.origin).parent if spec is not None and spec.origin else Path.cwd()
    places = [folder / f"{_SCENARIOS}{suffix}" for suffix in (*_SUFFIXES, "")]
    found = next((place for place in places if place.exists()), None)
    if found is None:
        msg = (
            f"there are no scenarios beside {app}: name a file, or write {folder / 'scenarios.py'}, as `orchestra init`"
        )
        raise UsageError(msg)
    return found


def _files(place: Path) -> list[Path]:
    if place.is_dir():
        found = sorted(
            each for each in place.iterdir() if each.suffix in _SUFFIXES and not each.name.startswith(("_", "."))
        )
        if not found:
            msg = f"{place} has no scenarios: put Python or YAML files there"
            raise UsageError(msg)
        return found
    if not place.is_file():
        msg = f"there is no file or folder {place}"
        raise UsageError(msg)
    if place.suffix not in _SUFFIXES:
        msg = f"{place} is neither Python nor YAML: name it {place.stem}.py or {place.stem}.yaml"
        raise UsageError(msg)
    return [place]


def _read_python(file: Path) -> tuple[Scenario, ...]:
    name = f"_scenarios_{sha256(str(file.resolve()).encode()).hexdigest()[:12]}"
    spec = spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    _make_importable(file.parent)
    try:
        spec.loader.exec_module(module)
    except OrchestraError as error:
        msg = f"{file}: {error}"
        raise UsageError(msg) from error
    except Exception as error:
        msg = f"{file} cannot be loaded: {type(error).__name__}: {error}"
        raise UsageError(msg) from error
    found = getattr(module, _SCENARIOS, None)
    if not isinstance(found, list | tuple) or not found or not all(isinstance(each, Scenario) for each in found):
        msg = f"{file} has no scenarios: write scenarios = (Scenario(…), …)"
        raise UsageError(msg)
    return tuple(found)


def _make_importable(folder: Path) -> None:
    """Let a file's functions import what stands beside it, as `python` does for a script, also when they run."""
    if str(folder.resolve()) not in sys.path:
        sys.path.insert(0, str(folder.resolve()))


def read_yaml(text: bytes, file: Path) -> tuple[Scenario, ...]:
    """The scenarios of a YAML file: a list, under ``scenarios``.

    Every value is read as it is written: ``0123`` stays a number of four digits, and ``no`` a word.

    Raises:
        UsageError: it is no YAML, or what stands in it is no scenario; the message says where.

    """
    try:
        # BaseLoader makes nothing but texts, lists and mappings
        content = yaml.load(text, yaml.BaseLoader)  # noqa: S506
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        msg = f"{file} is no YAML: {' '.join(str(error).split())}"
        raise UsageError(msg) from error
    written = content.get(_SCENARIOS) if isinstance(content, dict) else None
    unknown = sorted(set(content) - {_SCENARIOS}) if isinstance(content, dict) else []
    if not isinstance(written, list) or not written or unknown:
        problem = f"{unknown[0]!r} is unknown at the top" if written and unknown else "there are none"
        msg = f"{file}: {problem}: write the scenarios as a list below `scenarios:`"
        raise UsageError(msg)
    return tuple(_scenario(each, number, file) for number, each in enumerate(written, 1))


def _scenario(written: Any, number: int, file: Path) -> Scenario:
    name = written.get("name") if isinstance(written, dict) else None
    here = f"{file}, scenario {name or number}"
    try:
        known = msgspec.convert(written, type=WrittenScenario, strict=False)
        values = {each: getattr(known, each) for each in WrittenScenario.__struct_fields__}
        values["disturbances"] = _disturbances(known.disturbances)
        for each in ("success", "lifespan"):
            values[each] = _function(values[each], each, file) if values[each] else None
        return Scenario(**values)
    except (msgspec.ValidationError, OrchestraError) as error:
        msg = f"{here}: {error}"
        raise UsageError(msg) from error


def _disturbances(written: Mapping[str, Any]) -> Disturbances:
    """Raises msgspec.ValidationError."""
    unknown = sorted(set(written) - _DISTURBANCES)
    if unknown:
        msg = f"disturbances have no {unknown[0]!r}: choose among {', '.join(sorted(_DISTURBANCES))}"
        raise UsageError(msg)
    return msgspec.convert(written, type=Disturbances, strict=False)


def _function(named: str, field: str, file: Path) -> Callable[..., Any]:
    module, _, attribute = named.partition(":")
    if not module or not attribute:
        msg = f"{field} is {named!r}: write it as module:function"
        raise UsageError(msg)
    _make_importable(file.parent)
    try:
        found = getattr(import_module(module), attribute, None)
    except Exception as error:
        msg = f"{field} is {named!r}, which cannot be loaded: {type(error).__name__}: {error}"
        raise UsageError(msg) from error
    if not callable(found):
        msg = f"{field} is {named!r}: {module} has no function {attribute!r}"
        raise UsageError(msg)
    return found  # type: ignore[no-any-return]


def to_yaml(scenarios: Sequence[WrittenScenario]) -> str:
    """A YAML file with these scenarios."""
    written = [msgspec.to_builtins(each) for each in scenarios]
    for each in written:
        tools = [{name: value for name, value in tool.items() if value is not None} for tool in each.pop("tools", ())]
        each.update({"tools": tools} if tools else {})
    return str(yaml.safe_dump({_SCENARIOS: written}, sort_keys=False, allow_unicode=True, width=110))
