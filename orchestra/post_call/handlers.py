"""The worker ``analysis``: each call that has ended is analysed as its app asks, once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from orchestra.agents.app import App
from orchestra.agents.lines import Lines, app_id
from orchestra.agents.loader import load_lines
from orchestra.bus import Bus, Consumer, Context, keys
from orchestra.bus.backoff import Backoff
from orchestra.bus.group.progress import group_progress
from orchestra.bus.stream.stream_id import StreamId
from orchestra.errors import EngineError
from orchestra.execution.handlers import OpenModels
from orchestra.execution.models import ModelRegistry, open_models
from orchestra.hide_secrets import without_secrets
from orchestra.history.call import CallHistory
from orchestra.history.reduce import history_of
from orchestra.post_call.analysis import analyse, app_named
from orchestra.settings import load_settings
from orchestra_schemas import CallAnalysed, CallEnded

_LOG = structlog.get_logger("orchestra.post_call")

#: models may be away for days; what waits stays pending, and another worker recovers it when this one ends
_ANALYSED_WITHIN_S = 30 * 24 * 3600.0
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
#: a call goes to the dead letters after a model has failed on it this often, while it answered for others
_TRIES = 5
#: the groups whose last events of a call come after its end
_WRITERS = ("orchestration", "execution")
#: how long to wait for them, in seconds: one may not run at all
_WRITERS_WITHIN_S = 30.0


class Analysis:
    """The handlers of the group ``analysis``.

    Args:
        app: the app, or lines with several; default: those of the settings.
        models: opens the models; default: those of the settings.

    """

    _models: ModelRegistry
    _at_once: asyncio.Semaphore

    def __init__(self, app: App | Lines | None = None, models: OpenModels = open_models) -> None:
        self._lines = None if app is None else Lines.of(app)
        self._open_models = models
        self._answered = 0
        self._trouble = ""
        # who asks for it first is not billed for every call that the journal still has
        self.consumer = Consumer("analysis", start="now")
        self.consumer.lifespan(self.opened)
        self.consumer.on(CallEnded, concurrent=True, timeout_s=_ANALYSED_WITHIN_S)(self.analyse)

    @asynccontextmanager
    async def opened(self, bus: Bus) -> AsyncIterator[None]:
        """Open the models and the app before the first call."""
        del bus
        settings = load_settings()
        self._context_tokens = settings.analysis_context_tokens
        self._lines = self._lines or load_lines(settings.app)
        self.consumer.version = self._lines.default.version
        self.consumer.apps = tuple(map(app_id, self._lines.apps))
        self._at_once = asyncio.Semaphore(settings.analysis_at_once)
        async with self._open_models(settings) as self._models:
            yield

    async def analyse(self, event: CallEnded, context: Context) -> CallAnalysed | None:
        """Find out what the call's app asks, however long the model is away."""
        if await context.state.get("analysed") is not None:
            return None  # the call ended twice
        await _until_written(context)
        async with self._at_once:
            history = history_of(await context.bus.journal(event.call))
        assert self._lines is not None, "the lines are loaded before the first event"
        # the app that had the call last
        app = app_named(self._lines, history.record.passed_to or history.record.app)
        if app is None or not app.after:
            return None
        if self._lines.several:
            context.use_version(app.version)
        found = await self._found(history, app)
        context.state.set("analysed", b"1")
        context.state.expire(context.bus.settings.session_ttl_s)
        return found

    async def _found(self, history: CallHistory, app: App) -> CallAnalysed | None:
        wanted = app.wanted_after
        backoff, failures, answered_before = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S), 0, self._answered
        while True:
            try:
                async with self._at_once:
                    found = await analyse(
                        history, wanted, self._models, app=app.name, context_tokens=self._context_tokens
                    )
            except EngineError as error:
                failures += 1
                if failures == 1:
                    answered_before = self._answered
                self._troubled(error)
                if failures >= _TRIES and self._answered > answered_before:
                    raise  # the model answers about other calls: this one is the cause
                await backoff.wait()
            else:
                if found is not None and found.model:
                    self._answered += 1
                    self._well()
                return found

    # -- a failure is logged once, not with every attempt

    def _troubled(self, error: EngineError) -> None:
        said = without_secrets(str(error))
        if said != self._trouble:
            _LOG.error("analysis.waiting", reason=said)
        self._trouble = said

    def _well(self) -> None:
        if self._trouble:
            _LOG.info("analysis.recovered", after=self._trouble)
        self._trouble = ""


async def _until_written(context: Context) -> None:
    """Wait until agents and tools have handled the end of the call: what they publish last comes after it."""
    bus, partition = context.bus, keys.partition_of(context.entry.call)
    end = StreamId.parse(context.entry.stream_id)
    backoff = Backoff(0.02, 0.5)
    try:
        async with asyncio.timeout(_WRITERS_WITHIN_S):
            while not await _have_handled(bus, partition, end):
                await backoff.wait()
    except TimeoutError:
        _LOG.warning("analysis.early", call=context.entry.call, waited_s=_WRITERS_WITHIN_S)


async def _have_handled(bus: Bus, partition: int, end: StreamId) -> bool:
    """Whether the groups that write about a call have handled this entry; one that does not exist has nothing to do."""
    for writer in _WRITERS:
        progress = (await group_progress(bus, Consumer(writer), [partition]))[partition, keys.JOURNAL]
        if progress.read > StreamId(0) and not progress.has_finished(end):
            return False
    return True
