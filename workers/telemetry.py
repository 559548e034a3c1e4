"""Metrics and traces by OTLP, derived from the journal: what one turn cost in time, and where."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from redis.exceptions import RedisError

from orchestra import Consumer, Context
from orchestra.bus import Bus
from orchestra.errors import MissingExtraError, SettingError
from orchestra.tasks import ended
from orchestra.telemetry.chosen import chosen_redaction
from orchestra.telemetry.traces import slim, spans_of
from schemas import CallEnded, CallStarted, Event, RecordingSaved, TranscriptCurated, event_types

try:
    from orchestra.telemetry.otlp import Metrics, Traces
except ModuleNotFoundError as missing:
    _msg = f'the telemetry worker needs {missing.name}: pip install "orchestra-voice[telemetry]"'
    raise MissingExtraError(_msg) from missing

_log = structlog.get_logger()

_GROUPS_EVERY_S = 5.0
_MOST_CALLS = 5000
_AFTERWARDS = (RecordingSaved, TranscriptCurated)

# what was long ago is of no use to a dashboard of now
consumer = Consumer("telemetry", start="now")


class _Observed:
    """What this process holds: the exporters, and the events of running calls by their ids."""

    def __init__(self, bus: Bus) -> None:
        if not bus.settings.otlp_url:
            msg = "no OTLP receiver is set: ORCHESTRA_OTLP_URL=http://host:4318"
            raise SettingError(msg)
        self.redaction = chosen_redaction(bus.settings)
        self.metrics = Metrics(bus.settings)
        self.traces = Traces(bus.settings)
        self.calls: OrderedDict[str, dict[str, Event]] = OrderedDict()


_observed: _Observed


@consumer.lifespan
@asynccontextmanager
async def _exporters(bus: Bus) -> AsyncIterator[None]:
    global _observed  # noqa: PLW0603 - one consumer a process
    _observed = _Observed(bus)
    watching = asyncio.create_task(_watch_groups(bus))
    try:
        yield
    finally:
        await ended(watching)
        closing = (_observed.traces.close, _observed.metrics.close)
        await asyncio.gather(*(asyncio.to_thread(close) for close in closing))


async def _watch_groups(bus: Bus) -> None:
    while True:
        try:
            _observed.metrics.groups(await bus.groups())
        except RedisError as error:
            _log.debug("telemetry.groups_unknown", error=str(error))
        await asyncio.sleep(_GROUPS_EVERY_S)


@consumer.on(*(kind for kind in event_types().values() if kind.stream == "events"))
async def observe(event: Event, context: Context) -> None:
    """Count the event; when its call has ended, send the call's trace."""
    if context.attempt == 1:
        _observed.metrics.take(event)
    if isinstance(event, _AFTERWARDS):
        return
    calls = _observed.calls
    calls.setdefault(event.call, {})[event.id] = slim(event)
    if isinstance(event, CallEnded):
        events = list(calls.pop(event.call).values())
        if not any(isinstance(each, CallStarted) for each in events):  # this worker came when the call was under way
            events = await context.bus.journal(event.call)
        _observed.traces.send(spans_of(events, _observed.redaction))
    elif len(calls) > _MOST_CALLS:
        calls.popitem(last=False)  # its trace is made from the journal, should it ever end
