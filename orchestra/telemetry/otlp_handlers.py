"""Metrics and traces by OTLP, derived from the journal: where the time of each turn goes."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from redis.exceptions import RedisError

from orchestra.async_tasks import cancel_and_wait
from orchestra.bus import Bus, Consumer, Context
from orchestra.errors import MissingExtraError, SettingError
from orchestra.telemetry.redaction import Redaction, redaction_of
from orchestra.telemetry.traces import slim, spans_of
from orchestra_schemas import (
    CallAnalysed,
    CallEnded,
    CallStarted,
    Event,
    RecordingSaved,
    TranscriptCurated,
    event_types,
)

try:
    from orchestra.telemetry.otlp import Metrics, Traces
except ModuleNotFoundError as missing:
    _msg = f'the telemetry worker needs {missing.name}: pip install "orchestra-voice[telemetry]"'
    raise MissingExtraError(_msg) from missing

_LOG = structlog.get_logger("orchestra.telemetry")

_GROUPS_EVERY_S = 5.0
_MOST_CALLS = 5000
_AFTERWARDS = (CallAnalysed, RecordingSaved, TranscriptCurated)


class Telemetry:
    """The handlers of the group ``telemetry``: the exporters, and the events of running calls by their ids."""

    _redaction: Redaction | None
    _metrics: Metrics
    _traces: Traces

    def __init__(self) -> None:
        self._calls: OrderedDict[str, dict[str, Event]] = OrderedDict()
        # a live dashboard needs no old events
        self.consumer = Consumer("telemetry", start="now")
        self.consumer.lifespan(self.opened)
        self.consumer.on(*(kind for kind in event_types().values() if kind.stream == "events"))(self.observe)

    @asynccontextmanager
    async def opened(self, bus: Bus) -> AsyncIterator[None]:
        """Keep the exporters open; at the end, what they hold is sent.

        Raises:
            SettingError: no receiver is set.

        """
        if not bus.settings.otlp_url:
            msg = "no OTLP receiver is set: ORCHESTRA_OTLP_URL=http://host:4318"
            raise SettingError(msg)
        self._redaction = redaction_of(bus.settings)
        self._metrics, self._traces = Metrics(bus.settings), Traces(bus.settings)
        self._calls.clear()
        watching = asyncio.create_task(self._watch_groups(bus))
        try:
            yield
        finally:
            await cancel_and_wait(watching)
            closing = (self._traces.close, self._metrics.close)
            await asyncio.gather(*(asyncio.to_thread(close) for close in closing))

    async def observe(self, event: Event, context: Context) -> None:
        """Count the event; when its call has ended, send the call's trace."""
        if context.attempt == 1:
            self._metrics.take(event)
        if isinstance(event, _AFTERWARDS):
            return
        self._calls.setdefault(event.call, {})[event.id] = slim(event)
        if isinstance(event, CallEnded):
            events = list(self._calls.pop(event.call).values())
            if not any(isinstance(each, CallStarted) for each in events):  # we started during the call
                events = await context.bus.journal(event.call)
            self._traces.send(spans_of(events, self._redaction))
        elif len(self._calls) > _MOST_CALLS:
            self._calls.popitem(last=False)  # if it ever ends, its trace is made from the journal

    async def _watch_groups(self, bus: Bus) -> None:
        while True:
            try:
                self._metrics.groups(await bus.groups())
            except RedisError as error:
                _LOG.debug("telemetry.groups_unknown", error=str(error))
            await asyncio.sleep(_GROUPS_EVERY_S)
