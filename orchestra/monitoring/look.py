"""Finds the figure of a monitor: by a query, by a command that succeeds or fails, or from the server."""

import asyncio
import sys
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import structlog
from redis.exceptions import RedisError

from orchestra.bus import Bus
from orchestra.bus.redis.embedded import running_url
from orchestra.bus.redis.refusal import describe_error
from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import MonitorError, UsageError
from orchestra.monitoring.monitor import Monitor
from orchestra.settings import Settings

_LOG = structlog.get_logger("orchestra.monitoring")

_MOST_WORDS = 300
_LONGEST_NAME = 100


class Figure(NamedTuple):
    """The figure of a monitor, None where there is nothing to tell, and words about it.

    ``of`` names what it is a figure of, where the monitor has several (`Monitor.by`).
    """

    value: float | None
    about: str = ""
    of: str = ""


async def figures_of(monitor: Monitor, settings: Settings, bus: Bus | None = None) -> list[Figure]:
    """The monitor's figure; of one with ``by`` one for each row of its query. ``bus`` is the server's if connected.

    Raises:
        UsageError: the query is wrong.
        MonitorError: it took too long, or the server does not tell.

    """
    if monitor.figure:
        return [await _memory(monitor, settings, bus)]
    if monitor.run:
        return [await _run(monitor)]
    rows = await _query(monitor, settings)
    columns = 2 if monitor.by else 1
    if any(len(row) != columns or (monitor.by and monitor.by not in row) for row in rows):
        wanted = f"give the column {monitor.by} and one number" if monitor.by else "give one number"
        msg = f"monitor {monitor.name}: its query has {len(rows)} rows of {len(rows[0])} columns: {wanted}"
        raise UsageError(msg)
    if monitor.by:
        return [_figure_of_row(monitor, row) for row in rows]
    if len(rows) > 1:
        msg = f"monitor {monitor.name}: its query has {len(rows)} rows: give one number, or say what each is by"
        raise UsageError(msg)
    return [Figure(_number(monitor, next(iter(rows[0].values()))) if rows else None)]


def _figure_of_row(monitor: Monitor, row: dict[str, Any]) -> Figure:
    of = str(row[monitor.by])[:_LONGEST_NAME].strip()
    (value,) = (value for name, value in row.items() if name != monitor.by)
    return Figure(_number(monitor, value), f"{of}: {monitor.about}", of)


def _number(monitor: Monitor, value: Any) -> float | None:
    if value is not None and not isinstance(value, int | float | Decimal):
        msg = f"monitor {monitor.name}: its query gives {str(value)[:40]!r}, which is no number"
        raise UsageError(msg)
    return None if value is None else float(value)


async def _memory(monitor: Monitor, settings: Settings, bus: Bus | None) -> Figure:
    if bus is None and settings.redis_url is None and running_url(settings.data_dir) is None:
        return Figure(None)  # an archive alone has no server
    server = bus or await Bus.connect(settings)
    try:
        memory = await server.memory()
    except RedisError as error:
        msg = f"monitor {monitor.name}: {describe_error(error)}"
        raise MonitorError(msg) from None
    finally:
        if server is not bus:
            await server.close()
    if not memory.limit:
        return Figure(None)
    wrong = monitor.is_wrong(memory.share)
    return Figure(memory.share, f"Redis uses {memory}; the fuller it is, the less of the past it keeps" * wrong)


async def _query(monitor: Monitor, settings: Settings) -> list[dict[str, Any]]:
    from orchestra.analysis.query import CallDatabase  # noqa: PLC0415 - workers look at figures without a database

    since = datetime.fromtimestamp(SYSTEM_CLOCK.time() - monitor.window_s, UTC).replace(tzinfo=None)
    sql = monitor.sql.replace("{since}", f"TIMESTAMP '{since.isoformat(sep=' ')}'")
    records = await CallDatabase.open(settings)
    asked = asyncio.ensure_future(asyncio.to_thread(records.rows, sql))
    try:
        done, _ = await asyncio.wait({asked}, timeout=monitor.within_s)
        if not done:
            msg = f"monitor {monitor.name}: its query took longer than {monitor.within_s:g} s"
            raise MonitorError(msg)
        return asked.result()
    except UsageError as error:
        msg = f"monitor {monitor.name}: {error}"
        raise UsageError(msg) from None
    finally:
        records.interrupt()
        await asyncio.wait({asked})
        records.close()


async def _run(monitor: Monitor) -> Figure:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "orchestra.cli", *monitor.arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(monitor.within_s):
            _, errors = await process.communicate()
    except TimeoutError:
        return Figure(0.0, f"no result within {monitor.within_s:g} s: {monitor.run}")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    lines = errors.decode("utf-8", "replace").strip().splitlines()
    said = (line.strip(" │")[:_MOST_WORDS] for line in reversed(lines) if any(map(str.isalnum, line)))
    words = next(said, f"exit code {process.returncode}")
    return Figure(1.0) if process.returncode == 0 else Figure(0.0, words)
