"""The consumer ``orchestration``: decides which agent answers, and requests prompts and tools until it has."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from orchestra import App, Consumer, Context, load_app
from orchestra.agents.call_cache import CallCache
from orchestra.agents.turn_runner import STALE_S, TURN_S, TurnRunner
from orchestra.bus import Bus
from orchestra.settings import load_settings
from orchestra.storage.callers import Callers, as_context
from orchestra.storage.secrets import number_key
from orchestra_schemas import (
    AgentChanged,
    CallEnded,
    CallStarted,
    Event,
    PromptCompleted,
    ReplyInterrupted,
    ToolCompleted,
    UserTurnEnded,
    UserTurnPredicted,
    UserTurnResumed,
)

#: a prompt may take this many times as long as a model may take to begin, so that a second one can be asked
FIRST_TOKENS = 2.5


class Orchestration:
    """The handlers of the group ``orchestration``.

    Args:
        app: the app whose agents answer; default: the one of the settings.
        background: returns what agents know of the caller's earlier calls; default: looked up if the app remembers
            its callers.

    """

    def __init__(self, app: App | None = None, background: Callable[[CallStarted], str] | None = None) -> None:
        self._background = background
        self._app = app
        self._calls = CallCache()
        self.consumer = Consumer("orchestration", state="conversation")
        self.consumer.lifespan(self.open_app)
        self.consumer.on(CallStarted)(self.greet)
        self.consumer.on(UserTurnPredicted, UserTurnEnded, concurrent=True, timeout_s=TURN_S + STALE_S)(self.answer)
        self.consumer.on(UserTurnResumed)(self.resume)
        self.consumer.on(PromptCompleted, ToolCompleted)(self.deliver_result)
        self.consumer.on(ReplyInterrupted)(self.interrupt)
        self.consumer.on(CallEnded)(self.end)

    @asynccontextmanager
    async def open_app(self, bus: Bus) -> AsyncIterator[None]:
        """Load the app before the first call."""
        self._callers = Callers(bus, number_key(bus.settings), ttl_s=bus.settings.session_ttl_s)
        self._app = self._app or load_app(load_settings().app)
        self.consumer.version = self._app.version
        settings = load_settings()
        prompt_s = max(settings.prompt_s, FIRST_TOKENS * settings.model_first_token_s)
        self._turns = TurnRunner(self._app, self.consumer.name, prompt_s=prompt_s, turn_s=settings.turn_s)
        self.consumer.counters = self._turns.predictions.counters()
        self.consumer.limit(UserTurnPredicted, UserTurnEnded, timeout_s=settings.turn_s + STALE_S)
        self._entry = self._app.entry
        yield

    async def greet(self, event: CallStarted, context: Context) -> AgentChanged | None:
        """Begin the conversation: the greeting, the first agent, and the caller's earlier calls."""
        async with self._calls.open(event.call, context, entry=self._entry) as active:
            return self._turns.greet(event, context, active, background=await self._background_of(event))

    async def _background_of(self, event: CallStarted) -> str:
        if self._background is not None:
            return self._background(event)
        if self._app is None or not self._app.remembers_callers:
            return ""
        await self._callers.remember(event.other_party, event.call)
        return as_context(await self._callers.recent(event.other_party, before=event.call), event.at)

    async def answer(self, event: UserTurnEnded | UserTurnPredicted, context: Context) -> list[Event]:
        """Answer the caller: publishes `AgentChanged`, `PromptRequested`, `ToolRequested`; returns the turn's end."""
        async with self._calls.open(event.call, context, entry=self._entry) as active:
            return await self._turns.answer(event, context, active)

    async def deliver_result(self, event: PromptCompleted | ToolCompleted, context: Context) -> None:
        """Pass the result to the turn that waits for it."""
        async with self._calls.open(event.call, context, entry=self._entry) as active:
            self._turns.deliver_result(event, context, active)

    async def resume(self, event: UserTurnResumed, context: Context) -> None:
        """Discard the work on a turn that has not ended after all."""
        async with self._calls.open(event.call, context, entry=self._entry) as active:
            await self._turns.resume(event, context, active)

    async def interrupt(self, event: ReplyInterrupted, context: Context) -> None:
        """Stop the reply, and keep only the part of it that was heard."""
        async with self._calls.open(event.call, context, entry=self._entry) as active:
            await self._turns.interrupt(event, context, active)

    async def end(self, event: CallEnded, context: Context) -> None:
        """Stop the running turn."""
        async with self._calls.open(event.call, context, entry=self._entry) as active:
            await self._turns.end(event, context, active)


consumer = Orchestration().consumer
