"""When sweeps delete: some minutes after a start, having said what they will delete, then every hour.

::

    start ── says what is over ── 10 min ── deletes ── 1 h ── deletes ── …

So a wrong setting, or a clock that is wrong at the start of a machine, can be seen in the log before anything is gone.
Of the machine's clock and the server's, the earlier one counts.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial

import structlog
from redis.exceptions import RedisError

from orchestra.bus import Bus
from orchestra.errors import OrchestraError
from orchestra.retention.policy import KeepDays

_LOG = structlog.get_logger("orchestra.retention")

#: between saying what will be deleted and deleting it, after a start, in seconds
ANNOUNCED_S = 600.0
EVERY_S = 3600.0

#: deletes, or only counts, what is over at a moment (epoch seconds)
Sweep = Callable[[float, bool], Awaitable[int]]


async def run_sweeps(
    what: str, sweep: Sweep, clock: Callable[[], Awaitable[float]], *, announced_s: float = ANNOUNCED_S
) -> None:
    """Sweep until cancelled. A failure is logged once for as long as it lasts, and the next sweep tries again.

    Args:
        what: is swept, as the log names it.
        sweep: is given a moment, and whether it only counts; returns how much there was.
        clock: the moment.
        announced_s: how long to wait before the first sweep that deletes.

    """
    announced, trouble = False, ""
    while True:
        try:
            found = await sweep(await clock(), not announced)
        except (RedisError, OSError, OrchestraError) as error:
            said = str(error) or repr(error)
            if said != trouble:
                _LOG.warning("retention.waits", what=what, error=said)
            trouble = said
        except Exception:  # noqa: BLE001 - a fault with one call must not end the sweeps of all others
            _LOG.exception("retention.failed", what=what)
        else:
            trouble = ""
            if found and not announced:
                _LOG.warning("retention.announced", what=what, calls=found, in_s=announced_s)
                announced = True
                await asyncio.sleep(announced_s)
                continue
            announced = True
            if found:
                _LOG.info("retention.deleted", what=what, calls=found)
        await asyncio.sleep(EVERY_S)


async def delete_expired(bus: Bus, what: str, keep: KeepDays, sweep: Sweep) -> None:
    """Sweep by the earlier clock until cancelled, or not at all if everything is kept for ever."""
    if keep.any:
        await run_sweeps(what, sweep, partial(earlier_clock, bus))


async def earlier_clock(bus: Bus) -> float:
    """Epoch seconds, by this machine or by the server, whichever says less.

    Raises:
        redis.exceptions.RedisError: the server cannot be reached.

    """
    seconds, micros = await bus.shared_connection.call("TIME")
    return min(time.time(), int(seconds) + int(micros) / 1e6)
