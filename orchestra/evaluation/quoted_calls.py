"""What the files of this machine quote of recorded calls: the pulled evaluation set, evaluations, comparisons.

Only what is in the data directory: files that people made elsewhere, with ``--out`` or ``--html``, are theirs.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from orchestra.atomic_file import write_atomically
from orchestra.bus.stream.entry import UNREADABLE
from orchestra.curation.evaluation import SET_FILE, read_set, write_set
from orchestra.errors import RejectedError

#: folders in the data directory
EVALUATIONS, COMPARISONS = "evaluations", "comparisons"


@dataclass
class Quoted:
    """What the files of a data directory quote.

    Attributes:
        calls: by id, with their app, empty where no file says it. Names of cases are among them.
        problems: what cannot be read or written.

    """

    calls: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


@dataclass
class RemovedQuotes:
    """How many lines of the set, and how many files with results, quoted calls; and what could not be removed."""

    lines: int = 0
    results: int = 0
    problems: list[str] = field(default_factory=list)


def quoted_calls(data_dir: Path) -> Quoted:
    """The calls that are quoted in a data directory. Blocks."""
    found = Quoted()
    try:
        found.calls |= {call: each.app for call, each in read_set(data_dir / SET_FILE).items()}
    except (OSError, RejectedError) as error:
        found.problems.append(str(error))
    for _, _, quoted in _results(data_dir, found.problems):
        for call, app in quoted.items():
            found.calls[call] = found.calls.get(call) or app
    return found


def remove_quotes(data_dir: Path, calls: Collection[str], *, dry_run: bool = False) -> RemovedQuotes:
    """Remove what is quoted of these calls: lines of the set, and parts of results, whose figures stay. Blocks.

    A comparison of which no call is left is deleted.
    """
    done = RemovedQuotes()
    try:
        done.lines = _remove_lines(data_dir / SET_FILE, calls, dry_run=dry_run)
    except (OSError, RejectedError) as error:
        done.problems.append(str(error))
    for path, kept, quoted in _results(data_dir, done.problems):
        if quoted.keys().isdisjoint(calls):
            continue
        try:
            if not dry_run:
                _write_without(path, kept, calls)
        except OSError as error:
            done.problems.append(str(error))
            continue
        done.results += 1
    return done


def _remove_lines(path: Path, calls: Collection[str], *, dry_run: bool) -> int:
    known = read_set(path)
    left = {call: each for call, each in known.items() if call not in calls}
    if len(left) < len(known) and not dry_run:
        write_set(path, left.values())
    return len(known) - len(left)


def _results(data_dir: Path, problems: list[str]) -> Iterator[tuple[Path, dict[str, Any], dict[str, str]]]:
    """Each result: its file, what is in it, and the calls that it quotes, with their apps as far as it says them."""
    for path in sorted([*(data_dir / EVALUATIONS).glob("*/*.json"), *(data_dir / COMPARISONS).glob("*.json")]):
        try:
            kept, quotes = _read(path)
        except FileNotFoundError:
            continue  # another process has deleted it meanwhile
        except (OSError, RejectedError) as error:
            problems.append(str(error))
            continue
        yield path, kept, dict(_quoted(quotes))


class _Miss(msgspec.Struct, frozen=True):
    case: str


class _Call(msgspec.Struct, frozen=True):
    call: str
    app: str = ""


class _Comparison(msgspec.Struct, frozen=True):
    calls: tuple[_Call, ...] = ()
    failed: dict[str, str] = {}


class _Quotes(msgspec.Struct, frozen=True):
    """The parts of an evaluation (`Evaluation`), or of a comparison (`KeptComparison`), that name calls."""

    misses: tuple[_Miss, ...] = ()
    problems: tuple[str, ...] = ()
    comparison: _Comparison = _Comparison()


def _read(path: Path) -> tuple[dict[str, Any], _Quotes]:
    """A result as it is in its file, with fields of other versions; and its parts that name calls.

    Raises:
        OSError: the file cannot be read.
        RejectedError: it is no result.

    """
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        return kept, msgspec.convert(kept, _Quotes)
    except UNREADABLE as error:
        msg = f"{path} cannot be read: {error}; remove it"
        raise RejectedError(msg) from error


def _quoted(quotes: _Quotes) -> Iterator[tuple[str, str]]:
    yield from ((_call_of(miss.case), "") for miss in quotes.misses)
    yield from ((_call_of(problem), "") for problem in quotes.problems)
    yield from ((_call_of(name), "") for name in quotes.comparison.failed)
    yield from ((each.call, each.app) for each in quotes.comparison.calls)


def _call_of(text: str) -> str:
    """The call or case of a name, or of a problem, which begins with one: ``CALL in FILE: turn 2 …``."""
    return text.partition(":")[0].partition(" in ")[0]


def _write_without(path: Path, kept: dict[str, Any], calls: Collection[str]) -> None:
    if "comparison" in kept:
        comparison = kept["comparison"]
        comparison["calls"] = [each for each in comparison.get("calls", ()) if each["call"] not in calls]
        failed = comparison.get("failed", {})
        comparison["failed"] = {name: reason for name, reason in failed.items() if _call_of(name) not in calls}
        if not comparison["calls"] and not comparison["failed"]:
            path.unlink(missing_ok=True)
            return
    else:
        kept["misses"] = [each for each in kept.get("misses", ()) if _call_of(each["case"]) not in calls]
        kept["problems"] = [each for each in kept.get("problems", ()) if _call_of(each) not in calls]
    write_atomically(path, msgspec.json.format(msgspec.json.encode(kept)))
