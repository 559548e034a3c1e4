"""What has left for other systems, or stays on purpose: it is said in the receipt."""

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime

import httpx

from orchestra.bus import Bus, keys
from orchestra.campaign.store import is_refused
from orchestra.clock import SYSTEM_CLOCK
from orchestra.counted import counted
from orchestra.errors import SettingError
from orchestra.forgetting.chosen import Wanted
from orchestra.forgetting.receipt import Remains
from orchestra.settings import Settings
from orchestra.telemetry.openobserve import OpenObserve
from orchestra.telemetry.rows import streams as openobserve_streams

_ASKED_WITHIN_S = 5.0
#: of OpenObserve, in days (ZO_COMPACT_DATA_RETENTION_DAYS); 0 is this
_DEFAULT = "its default retention (ZO_COMPACT_DATA_RETENTION_DAYS)"


async def remains(bus: Bus, wanted: Wanted, streams: Collection[str], not_written: str) -> list[Remains]:
    """What is left of calls after they were forgotten, as far as it is known here.

    Args:
        bus: the server.
        wanted: what was asked for.
        streams: kinds of streams in whose memory the bytes of deleted entries are left.
        not_written: why the server's own files still have them; empty if they do not.

    """
    settings, found = bus.settings, list[Remains]()
    for stream in sorted(streams):
        kept_s = settings.media_retention_s if stream == keys.MEDIA else settings.journal_retention_s
        until = datetime.fromtimestamp(SYSTEM_CLOCK.time() + kept_s, UTC).isoformat(timespec="minutes")
        found.append(
            Remains("Redis", f"bytes in {stream} streams that no command returns", f"they are trimmed, {until}")
        )
    if not_written:
        found.append(Remains("Redis", f"its append-only file and snapshots ({not_written})", "it writes them again"))
    found.append(Remains("Redis", "copies of its files: replicas, backups", "they are written again, or deleted"))
    if settings.openobserve_url:
        found.append(Remains("OpenObserve", "rows with the call's id in `call`", await _kept_by_openobserve(settings)))
    if settings.otlp_url:
        found.append(Remains("the receiver of traces", "spans: times and names", "its own retention"))
    if settings.webhooks is not None:
        found.append(Remains("the endpoints of webhooks", "messages that they have received", "they delete them"))
    left = "evaluation sets and results" if settings.recordings_url else "recordings, evaluation sets and results"
    found.append(Remains("other machines", f"{left} in their own folders", "`orchestra forget` is run there"))
    found.append(Remains("carriers, speech engines, models", "what the call went through", "their own retention"))
    found.append(Remains("files that people made", "exports, reports, scenarios, other sets", "they delete them"))
    for party in wanted.parties:
        if await is_refused(bus, party):
            found.append(Remains("do-not-call list", "the number: the person's wish not to be called", "for good"))
    return found


async def _kept_by_openobserve(settings: Settings) -> str:
    """Until when OpenObserve keeps rows. It can delete streams, or spans of time of them, not the rows of a call."""
    try:
        server = OpenObserve(settings, timeout_s=_ASKED_WITHIN_S)
    except SettingError:
        return _DEFAULT
    try:
        answers = await asyncio.gather(
            *(server.call("GET", f"/streams/{name}/schema") for name in openobserve_streams())
        )
        days = {_retention_days(answer) for answer in answers if answer.status_code == httpx.codes.OK}
    except (httpx.HTTPError, ValueError):
        return _DEFAULT
    finally:
        await server.close()
    longest = max(days, default=0)
    return f"{counted(longest, 'day')} after the call" if longest and 0 not in days else _DEFAULT


def _retention_days(answer: httpx.Response) -> int:
    said = answer.json()
    return int((said.get("settings") or {}).get("data_retention") or 0) if isinstance(said, dict) else 0
