"""What the image and CI install is fixed file by file, and is what pyproject.toml says."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tests.locks import FILES, locked

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CURE = "write the lock files again: python -m tests.locks"


def text_of(name: str) -> str:
    return (ROOT / ".ci" / name).read_text(encoding="utf-8")


def versions(name: str) -> dict[str, str]:
    return {package: found for package, found, _ in locked(text_of(name))}


def direct(*groups: list[Any]) -> set[str]:
    """The packages that these lists of requirements name."""
    written = [each for group in groups for each in group if isinstance(each, str)]
    found = {re.split(r"[\[<>=!~ ;]", each, maxsplit=1)[0].lower().replace("_", "-") for each in written}
    return found - {"orchestra-voice"}


def extras(name: str) -> list[Any]:
    """The requirements of an extra, and of those that it names."""
    found: list[Any] = []
    for each in PROJECT["project"]["optional-dependencies"][name]:
        inner = re.fullmatch(r"orchestra-voice\[(.*)\]", each)
        found += [one for extra in inner[1].split(",") for one in extras(extra)] if inner else [each]
    return found


def test_every_package_is_locked_at_the_version_that_the_project_pins() -> None:
    pins = dict(each.split("==") for each in PROJECT["tool"]["uv"]["constraint-dependencies"])
    locked_versions = versions("requirements-dev.txt")
    assert {name: locked_versions.get(name) for name in pins if name in locked_versions} == {
        name: pin for name, pin in pins.items() if name in locked_versions
    }, CURE
    # the two of another Python, or another system, have no pin
    assert {name for name in locked_versions if name not in pins} <= {"async-timeout", "audioop-lts"}, CURE


def test_every_direct_requirement_is_locked_and_the_image_has_a_part_of_what_ci_has() -> None:
    project, groups = PROJECT["project"], PROJECT["dependency-groups"]
    assert direct(project["dependencies"], extras("all"), groups["build"]) <= set(versions("requirements.txt")), CURE
    assert direct(project["dependencies"], extras("all"), *groups.values()) <= set(versions("requirements-dev.txt")), (
        CURE
    )
    assert versions("requirements.txt").items() < versions("requirements-dev.txt").items()


@pytest.mark.parametrize("name", FILES)
def test_every_package_has_hashes_and_no_address(name: str) -> None:
    text = text_of(name)
    assert "://" not in text
    assert "index" not in re.sub(r"^# .*", "", text)
    for entry in re.split(r"\n(?=\S)", text.strip())[1:]:
        requirement, *hashes = entry.split(" \\\n")
        assert requirement.partition("==")[0] in versions(name)
        assert hashes
        assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}", each) for each in hashes)


def test_what_the_tests_run_with_is_what_is_locked() -> None:
    unconditional = [(name, found) for name, found, marker in locked(text_of("requirements-dev.txt")) if not marker]
    assert {name: version(name) for name, _ in unconditional} == dict(unconditional), CURE
