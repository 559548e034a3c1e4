"""Does what the agents ask for: has models answer and their words spoken, and runs tools."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from orchestra import App, Consumer, Context, load_app
from orchestra.bus import Bus
from orchestra.execution.jobs import JobRegistry
from orchestra.execution.models import ModelRegistry, open_models
from orchestra.execution.prompts import Prompts
from orchestra.execution.reply import Reply
from orchestra.execution.tools import CALLER_NUMBER, Answers, Tools, http_client
from orchestra.settings import Settings, load_settings
from orchestra_schemas import (
    CallEnded,
    CallStarted,
    DigitPressed,
    Event,
    PromptCompleted,
    PromptRequested,
    ReplyInterrupted,
    ToolCompleted,
    ToolRequested,
    TurnCancelled,
    UserTurnResumed,
)

OpenModels = Callable[[Settings], AbstractAsyncContextManager[ModelRegistry]]

#: longer than any prompt or tool may take by its own deadline
_TIMEOUT_S = 60.0
_KEPT_S = 3600
#: tools that are not async wait for databases and the like: more of them at a time than there are cores
_THREADS = 64


class Execution:
    """The handlers of the group ``execution``.

    Args:
        app: whose tools and rules; the one of the settings unless given.
        models: opens the models; those of the settings unless given.
        answers: asked before a tool is run, as in `Tools`.

    """

    def __init__(
        self, app: App | None = None, models: OpenModels = open_models, answers: Answers | None = None
    ) -> None:
        self._answers = answers
        self._app = app
        self._open_models = models
        self._jobs = JobRegistry()
        self.consumer = Consumer("execution")
        self.consumer.lifespan(self.opened)
        self.consumer.on(CallStarted)(self.remember_caller)
        self.consumer.on(PromptRequested, concurrent=True, timeout_s=_TIMEOUT_S)(self.prompt)
        self.consumer.on(ToolRequested, concurrent=True, timeout_s=_TIMEOUT_S)(self.tool)
        self.consumer.on(DigitPressed)(self.key)
        self.consumer.on(TurnCancelled, ReplyInterrupted, UserTurnResumed)(self.stop)
        self.consumer.on(CallEnded)(self.end)

    @asynccontextmanager
    async def opened(self, bus: Bus) -> AsyncIterator[None]:
        """Have models and the app's resources ready before the first call."""
        del bus
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, thread_name_prefix="tool"))
        settings = load_settings()
        self._team = self._app or load_app(settings.app)
        self.consumer.version = self._team.version
        self.consumer.limit(PromptRequested, timeout_s=settings.turn_s + _TIMEOUT_S)
        async with AsyncExitStack() as stack:
            models = await stack.enter_async_context(self._open_models(settings))
            lifespan = self._team.lifespan
            resources = None if lifespan is None else await stack.enter_async_context(lifespan())
            if self._team.knowledge is not None:
                self._team.knowledge.prepare()
                stack.callback(self._team.knowledge.close)
            for source in self._team.sources if self._answers is None else ():
                source.warm()
                stack.push_async_callback(source.close)
            self._prompts = Prompts(models)
            http = await stack.enter_async_context(http_client())
            self._tools = Tools(self._team, resources, http, self._answers)
            yield

    async def remember_caller(self, event: CallStarted, context: Context) -> None:
        """Keep the number of the person on the line for tools that ask for it."""
        context.state.set(CALLER_NUMBER, event.other_party.encode())

    async def prompt(self, event: PromptRequested, context: Context) -> PromptCompleted:
        """Have the model answer: a `ReplyChunk` for each sentence at once, then `PromptCompleted`."""
        reply = Reply(self._team, event, context)
        answer = await self._jobs.run(
            self._prompts.answer(event, reply, context.attempt), call=event.call, turn=event.turn
        )
        if answer is None:
            return PromptCompleted(
                call=event.call, turn=event.turn, request=event.id, text=reply.text, finish_reason="cancelled"
            )
        return answer

    async def tool(self, event: ToolRequested, context: Context) -> list[Event]:
        """Run the tool: `ToolCompleted`, a filler when it is slow, and what it asks of the call."""
        events = await self._jobs.run(
            self._tools.run(event, context),
            call=event.call,
            turn=event.turn,
            stoppable=self._tools.stoppable(event.name),
        )
        if events is None:
            stopped = "The caller spoke before this had ended; it was stopped."
            return [
                ToolCompleted(
                    call=event.call, turn=event.turn, request=event.id, name=event.name, result=stopped, failed=True
                )
            ]
        return events

    async def key(self, event: DigitPressed) -> None:
        """Hand the key to the tool that waits for it."""
        self._tools.keypad.press(event.call, event.digit)

    async def stop(self, event: TurnCancelled | ReplyInterrupted | UserTurnResumed) -> None:
        """Stop what nobody waits for any more."""
        self._jobs.stop(event.call, up_to=event.turn)

    async def end(self, event: CallEnded, context: Context) -> None:
        """Stop everything for this call, and forget it in a while."""
        self._jobs.stop(event.call)
        context.state.expire(_KEPT_S)


consumer = Execution().consumer
