"""The consumer ``orchestration``: decides which agent answers, and requests prompts and tools until it has."""

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

from orchestra import App, Consumer, Context, Lines
from orchestra.agents.call_cache import ActiveCall, CallCache
from orchestra.agents.english_phrases import english_phrases
from orchestra.agents.lines import app_id
from orchestra.agents.loader import load_lines
from orchestra.agents.prediction_counts import PredictionCounts
from orchestra.agents.turn_runner import STALE_S, TURN_S, SteppedIn, TurnRunner
from orchestra.bus import Bus
from orchestra.call_variables import as_notes
from orchestra.errors import AppError
from orchestra.retention.policy import KeepDays
from orchestra.settings import load_settings
from orchestra.storage.callers import Callers, as_context
from orchestra.storage.secrets import number_key
from orchestra.versions.store import Splits
from orchestra_schemas import (
    AgentChanged,
    CallEnded,
    CallGreeted,
    CallStarted,
    CallVariablesSet,
    Event,
    LanguageChanged,
    OperatorHandedBack,
    OperatorLeft,
    OperatorPassedOn,
    OperatorTookOver,
    OperatorWhispered,
    PromptCompleted,
    ReplyInterrupted,
    ReplySpoken,
    ToolCompleted,
    UserTurnEnded,
    UserTurnPredicted,
    UserTurnResumed,
)

_LOG = structlog.get_logger("orchestra.agents")

#: a prompt may take this many times as long as a model may take to begin, so that a second one can be asked
FIRST_TOKENS = 2.5
_DAY_S = 24 * 3600


class Orchestration:
    """The handlers of the group ``orchestration``.

    Args:
        app: the app whose agents answer, or lines with several; default: those of the settings.
        background: returns what agents know of the caller's earlier calls; default: looked up if the app remembers
            its callers.

    """

    def __init__(self, app: App | Lines | None = None, background: Callable[[CallStarted], str] | None = None) -> None:
        self._background = background
        self._lines = None if app is None else Lines.of(app)
        self._calls = CallCache()
        self.consumer = Consumer("orchestration", state="conversation", in_clear=True)
        self.consumer.lifespan(self.open_app)
        self.consumer.on(CallStarted)(self.greet)
        self.consumer.on(CallVariablesSet)(self.set_variables)
        self.consumer.on(CallGreeted)(self.greeted)
        self.consumer.on(UserTurnPredicted, UserTurnEnded, concurrent=True, timeout_s=TURN_S + STALE_S)(self.answer)
        self.consumer.on(UserTurnResumed)(self.resume)
        self.consumer.on(PromptCompleted, ToolCompleted)(self.deliver_result)
        self.consumer.on(ReplyInterrupted)(self.interrupt)
        self.consumer.on(ReplySpoken, OperatorWhispered, OperatorTookOver, OperatorHandedBack, OperatorLeft)(
            self.step_in
        )
        self.consumer.on(OperatorPassedOn)(self.pass_on)
        self.consumer.on(LanguageChanged)(self.change_language)
        self.consumer.on(CallEnded)(self.end)

    @asynccontextmanager
    async def open_app(self, bus: Bus) -> AsyncIterator[None]:
        """Load the app before the first call."""
        self._callers = Callers(bus, number_key(bus.settings), ttl_s=bus.settings.session_ttl_s)
        self._remembered = KeepDays.of(bus.settings, "callers_days")
        lines = self._lines = self._lines or load_lines(load_settings().app)
        self.consumer.version = lines.default.version
        self.consumer.apps = tuple(map(app_id, lines.apps))
        splits = Splits(bus)
        for app in lines.apps:
            for code, names in english_phrases(app).items():
                _LOG.warning("app.phrases_in_english", app=app.name, language=code, phrases=names)
        settings = load_settings()
        prompt_s = max(settings.prompt_s, FIRST_TOKENS * settings.model_first_token_s)
        predictions = PredictionCounts()
        self._runners = {
            app_id(app): TurnRunner(
                app,
                self.consumer.name,
                prompt_s=prompt_s,
                turn_s=settings.turn_s,
                predictions=predictions,
                owner=self._turns_of,
                lines=lines,
                splits=splits,
            )
            for app in lines.apps
        }
        self.consumer.counters = predictions.counters()
        self.consumer.limit(UserTurnPredicted, UserTurnEnded, timeout_s=settings.turn_s + STALE_S)
        self._entry = lines.default.entry if lines.plan is None else ""
        yield

    def _turns_of(self, call: str, active: ActiveCall, context: Context) -> TurnRunner:
        """Runs the turns of the app that has this call; what is published from here on is of its version."""
        lines, conversation = self._opened, active.conversation
        app = lines.find(
            conversation.app,
            conversation.version,
            line=conversation.line,
            call=call,
            caller=conversation.caller,
        )
        if app is None:
            # it has left the lines since: nobody else may answer its callers
            msg = f"the call's app {conversation.app!r} is not among the lines any more"
            raise AppError(msg)
        if lines.several:
            context.use_version(app.version)
        conversation.agent = conversation.agent or app.entry
        return self._runners[app_id(app)]

    @property
    def _opened(self) -> Lines:
        assert self._lines is not None, "the lines are loaded before the first event"
        return self._lines

    async def greet(self, event: CallStarted, context: Context) -> AgentChanged | None:
        """Begin the conversation: the greeting, the first agent, and the caller's earlier calls."""
        async with self._calls.open(event.call, context, entry=self._entry) as active:
            app = self._opened.answering(event)
            if app is None:
                active.conversation.ended = True  # the edge says so, and hangs up
                _LOG.warning("call.not_answered", call=event.call, app=event.app, line=event.line)
                return None
            if self._opened.plan is not None and active.conversation.turn < 0:
                conversation = active.conversation
                conversation.app, conversation.version, conversation.line = app.name, app.version, event.line
                conversation.caller = event.other_party
            notes = (as_notes(event.variables), await self._background_of(event, app))
            background = "\n\n".join(filter(None, notes))
            return self._turns_of(event.call, active, context).greet(event, context, active, background=background)

    async def set_variables(self, event: CallVariablesSet, context: Context) -> None:
        """Remember what the app knows of the call."""
        async with self._calls.open(event.call, context, entry=self._entry) as active:
            self._turns_of(event.call, active, context).set_variables(event, context, active)

    async def greeted(self, event: CallGreeted, context: Context) -> None:
        """Remember the first words of a call whose app was asked for variables."""
        async with self._calls.open(event.call, context, entry=self._entry) as active:
            self._turns_of(event.call, active, context).greeted(event, context, active)

    async def _background_of(self, event: CallStarted, app: App) -> str:
        if self._background is not None:
            return self._background(event)
        if not app.remembers_callers:
            return ""
        of = app.name if self._opened.several else ""
        kept_s = self._remembered.days_of(app.name) * _DAY_S or math.inf
        await self._callers.remember(event.other_party, event.call, of=of, kept_s=kept_s)
        past = await self._callers.recent(event.other_party, of=of, before=event.call, kept_s=kept_s)
        return as_context(past, event.at)

    async def answer(self, event: UserTurnEnded | UserTurnPredicted, context: Context) -> list[Event]:
        """Answer the caller: publishes `AgentChanged`, `PromptRequested`, `ToolRequested`; returns the turn's end."""
        async with self._calls.open(event.call, context, entry=self._entry) as active:
            return await self._turns_of(event.call, active, context).answer(event, context, active)

    async def deliver_result(self, event: PromptCompleted | ToolCompleted, context: Context) -> None:
        """Pass the result to the turn that waits for it."""
        async with self._calls.open(event.call, context, entry=self._entry) as active:
            self._turns_of(event.call, active, context).deliver_result(event, context, active)

    async def resume(self, event: UserTurnResumed, context: Context) -> None:
        """Discard the work on a turn that has not ended after all."""
        async with self._calls.open(event.call, context, entry=self._entry) as active:
            await self._turns_of(event.call, active, context).resume(event, context, active)

    async def interrupt(self, event: ReplyInterrupted, context: Context) -> None:
        """Stop the reply, and keep only the part of it that was heard."""
        async with self._calls.open(event.call, context, entry=self._entry) as active:
            await self._turns_of(event.call, active, context).interrupt(event, context, active)

    async def step_in(self, event: SteppedIn, context: Context) -> None:
        """Remember what an operator has said, whispered, or agreed with the caller."""
        if isinstance(event, ReplySpoken) and not event.operator:
            return  # what the agents said themselves they know
        if isinstance(event, OperatorLeft) and event.listens:
            return
        async with self._calls.open(event.call, context, entry=self._entry) as active:
            self._turns_of(event.call, active, context).step_in(event, context, active)

    async def pass_on(self, event: OperatorPassedOn, context: Context) -> list[Event]:
        """Have another agent or app answer from the next turn on."""
        async with self._calls.open(event.call, context, entry=self._entry) as active:
            return await self._turns_of(event.call, active, context).pass_on(event, context, active)

    async def change_language(self, event: LanguageChanged, context: Context) -> None:
        """Go on in another language, whoever has changed it."""
        async with self._calls.open(event.call, context, entry=self._entry) as active:
            self._turns_of(event.call, active, context).change_language(event, context, active)

    async def end(self, event: CallEnded, context: Context) -> None:
        """Stop the running turn."""
        async with self._calls.open(event.call, context, entry=self._entry) as active:
            await self._turns_of(event.call, active, context).end(event, context, active)


consumer = Orchestration().consumer
