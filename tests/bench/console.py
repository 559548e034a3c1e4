"""The console: how late its live page is, how fast a long call's page and a large archive answer, and what that costs.

Each part is a module of its own, ``_console_PART.py`` with ``async def measure() -> dict[str, Any]``.
"""

import argparse
import json
import os
from importlib import import_module
from pathlib import Path
from typing import Any

import uvloop

_PREFIX = "_console_"


def parts() -> list[str]:
    """The parts that there are."""
    return sorted(path.stem.removeprefix(_PREFIX) for path in Path(__file__).parent.glob(f"{_PREFIX}*.py"))


def measure(part: str, **options: int) -> dict[str, Any]:
    """What one part has measured, with the machine's load before and after."""
    before = os.getloadavg()[0]
    found: dict[str, Any] = uvloop.run(import_module(f"tests.bench.{_PREFIX}{part}").measure(**options))
    return found | {"load": [round(before, 1), round(os.getloadavg()[0], 1)]}


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench console", description=__doc__)
    parser.add_argument("--part", choices=parts(), help="only this part")
    parser.add_argument("--calls", type=int, help="the size of the archive; needs --part archive")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    if options.calls and options.part != "archive":
        parser.error("--calls needs --part archive")
    size = {"calls": options.calls} if options.calls else {}
    result = {part: measure(part, **size) for part in ([options.part] if options.part else parts())}
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for part, found in result.items():
        for key, value in found.items():
            print(f"{part + ' ' + key:44} {value}")
