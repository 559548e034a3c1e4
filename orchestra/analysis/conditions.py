"""SQL conditions that the report, the figures and the list of calls have in common."""
# ruff: noqa: S608 - made of constants, numbers and quoted texts

from orchestra.archive.derived.facts import END_OF_TIME, quoted
from orchestra.errors import UsageError


def moment(at: float) -> str:
    """A time, epoch seconds, for SQL.

    Raises:
        UsageError: no calendar has it.

    """
    if not 0 <= at < END_OF_TIME:
        msg = f"{at} is not a time in epoch seconds"
        raise UsageError(msg)
    return f"make_timestamp({round(at * 1e6)})"


def of_app(app: str) -> str:
    """A condition on a call: this app has answered it or taken it over."""
    return f"{quoted(app)} IN (app, passed_to)"


def of_line(line: str) -> str:
    """A condition on a call: this line decided which app answers it, or was dialled."""
    own = "CASE direction WHEN 'outbound' THEN from_number ELSE to_number END"
    return f"{quoted(line)} IN (line, {own})"


def of_totals(app: str = "", line: str = "", version: str = "", agent: str = "") -> str:
    """A condition on the table ``totals`` (`orchestra.archive.derived.sums`)."""
    tests = [of_app(app)] if app else []
    tests += [f"{quoted(line)} IN (line, dialled)"] if line else []
    tests += [f"version = {quoted(version)}"] if version else []
    tests += [f"agent = {quoted(agent)}"] if agent else []
    return " AND ".join(tests) or "true"


def chosen(
    since: float | None = None,
    until: float | None = None,
    app: str = "",
    line: str = "",
    *,
    version: str = "",
    agent: str = "",
) -> str:
    """An SQL condition on ``time``, from epoch seconds, and on ``call``."""
    tests = [f"time >= {moment(since)}"] if since is not None else []
    tests += [f"time < {moment(until)}"] if until is not None else []
    of_calls = ([of_app(app)] if app else []) + ([of_line(line)] if line else [])
    of_calls += [f"version = {quoted(version)}"] if version else []
    of_calls += [f"agent = {quoted(agent)}"] if agent else []
    tests += [f"call IN (SELECT call FROM calls WHERE {' AND '.join(of_calls)})"] if of_calls else []
    return " AND ".join(tests) or "true"
