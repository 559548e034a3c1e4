"""The consumer ``execution``: has models answer, publishes their sentences, and runs tools."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import httpx

from orchestra import App, Consumer, Context, Lines
from orchestra.agents.lines import app_id
from orchestra.agents.loader import load_lines
from orchestra.bus import Bus
from orchestra.bus.vault import Vault
from orchestra.errors import AppError
from orchestra.execution.call_variables import remember_variables
from orchestra.execution.jobs import JobRegistry
from orchestra.execution.keypad import Key, Keypad
from orchestra.execution.models import ModelRegistry, open_models
from orchestra.execution.prompts import Prompts
from orchestra.execution.reply import Reply
from orchestra.execution.secrets import key_of
from orchestra.execution.tools import CALLER_NUMBER, ToolOverride, Tools, http_client
from orchestra.settings import Settings, load_settings
from orchestra.storage.secrets import vault_key
from orchestra.webhooks.signing import read_secrets
from orchestra_schemas import (
    SECRET_KEY,
    CallEnded,
    CallStarted,
    CallVariablesRequested,
    CallVariablesSet,
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

#: longer than the deadline of any prompt or tool
_TIMEOUT_S = 60.0
_KEPT_S = 3600
#: after the end of the call: for a tool that is run again because its worker has died
_SECRETS_KEPT_S = 60
#: tools that are not async mostly wait, for databases and the like: more threads than there are cores
_THREADS = 64


class Execution:
    """The handlers of the group ``execution``.

    Args:
        app: the app whose tools and rules run, or lines with several; default: those of the settings.
        models: opens the models; default: those of the settings.
        override: may answer instead of a tool, see `Tools`.
        resources: what an app's tools get as resources in a call, by its id; the apps' ``lifespan`` is not entered
            then. Default: what it yields.

    """

    def __init__(
        self,
        app: App | Lines | None = None,
        models: OpenModels = open_models,
        override: ToolOverride | None = None,
        resources: Callable[[App, str], Any] | None = None,
    ) -> None:
        self._override = override
        self._resources = resources
        self._lines = None if app is None else Lines.of(app)
        self._open_models = models
        self._jobs = JobRegistry()
        self._keypad = Keypad()
        self.consumer = Consumer("execution", in_clear=True)
        self.consumer.lifespan(self.open_resources)
        self.consumer.on(CallStarted)(self.remember_caller)
        self.consumer.on(CallVariablesRequested, concurrent=True)(self.ask_variables)
        self.consumer.on(CallVariablesSet)(self.remember_variables)
        self.consumer.on(PromptRequested, concurrent=True, timeout_s=_TIMEOUT_S)(self.prompt)
        self.consumer.on(ToolRequested, concurrent=True, timeout_s=_TIMEOUT_S)(self.tool)
        self.consumer.on(DigitPressed)(self.key)
        self.consumer.on(TurnCancelled, ReplyInterrupted, UserTurnResumed)(self.stop)
        self.consumer.on(CallEnded)(self.end)

    @asynccontextmanager
    async def open_resources(self, bus: Bus) -> AsyncIterator[None]:
        """Open the models and the apps' resources before the first call."""
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, thread_name_prefix="tool"))
        settings = load_settings()
        self._vault = Vault(bus, vault_key(bus.settings))
        lines = self._lines = self._lines or load_lines(settings.app)
        self.consumer.version = lines.default.version
        self.consumer.apps = tuple(map(app_id, lines.apps))
        self.consumer.limit(PromptRequested, timeout_s=settings.turn_s + _TIMEOUT_S)
        async with AsyncExitStack() as stack:
            self._prompts = Prompts(await stack.enter_async_context(self._open_models(settings)))
            http = await stack.enter_async_context(http_client())
            self._tools = {app_id(app): await self._open_tools(app, lines, http, stack) for app in lines.apps}
            yield

    async def _open_tools(self, app: App, lines: Lines, http: httpx.AsyncClient, stack: AsyncExitStack) -> Tools:
        resources_of = await self._open_app_resources(app, stack)
        for knowledge in app.all_knowledge.values():
            knowledge.prepare()
            stack.callback(knowledge.close)
        for source in app.sources if self._override is None else ():
            source.warm()
            stack.push_async_callback(source.close)
        secret = load_settings().on_call_secret.get_secret_value()
        return Tools(
            app,
            resources_of,
            http,
            keypad=self._keypad,
            vault=self._vault,
            lines=lines,
            override=self._override,
            on_call_secrets=read_secrets(secret, "ORCHESTRA_ON_CALL_SECRET") if secret else (),
        )

    async def _open_app_resources(self, app: App, stack: AsyncExitStack) -> Callable[[str], Any]:
        """What the app's tools get in a call, by its id."""
        if self._resources is not None:
            return partial(self._resources, app)
        resources = None if app.lifespan is None else await stack.enter_async_context(app.lifespan())
        return lambda _: resources

    def _app_of(self, event: PromptRequested | ToolRequested | CallVariablesRequested, context: Context) -> App:
        """The app that this is asked for; what is published from here on is of its version."""
        assert self._lines is not None, "the lines are loaded before the first event"
        app = self._lines.find(event.app, event.version)
        if app is None:
            msg = f"app {event.app!r} is not among the lines any more"
            raise AppError(msg)
        if self._lines.several:
            context.use_version(app.version)
        return app

    async def remember_caller(self, event: CallStarted, context: Context) -> None:
        """Keep the caller's number and what was given with the call, for tools and rules that need them."""
        context.state.set(CALLER_NUMBER, event.other_party.encode())
        await remember_variables(event, context)

    async def remember_variables(self, event: CallVariablesSet, context: Context) -> None:
        """Keep what the app knows of the call for tools and rules that need it."""
        await remember_variables(event, context)

    async def ask_variables(self, event: CallVariablesRequested, context: Context) -> CallVariablesSet:
        """Ask the app what it knows of the call."""
        app = self._app_of(event, context)
        if self._override is not None:
            return CallVariablesSet(call=event.call, request=event.id, variables=self._override.variables(event.call))
        return await self._tools[app_id(app)].ask_variables(event)

    async def prompt(self, event: PromptRequested, context: Context) -> PromptCompleted:
        """Have the model answer: a `ReplyChunk` as soon as a sentence is complete, then `PromptCompleted`."""
        reply = Reply(self._app_of(event, context), event, context)
        answer = await self._jobs.run(
            self._prompts.answer(event, reply, context.attempt), call=event.call, turn=event.turn
        )
        if answer is None:
            tokens = reply.tokens.count()
            return PromptCompleted(
                call=event.call,
                turn=event.turn,
                request=event.id,
                text=reply.text,
                finish_reason="cancelled",
                model=reply.tokens.model,
                parameters=event.parameters,
                prompt_tokens=tokens.prompt,
                completion_tokens=tokens.completion,
                tokens_estimated=tokens.estimated,
                first_token_ms=reply.first_token_ms,
            )
        return answer

    async def tool(self, event: ToolRequested, context: Context) -> list[Event]:
        """Run the tool: `ToolCompleted`, a filler if it is slow, and events for what it wants of the call."""
        tools = self._tools[app_id(self._app_of(event, context))]
        events = await self._jobs.run(
            tools.run(event, context), call=event.call, turn=event.turn, stoppable=tools.stoppable(event.name)
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
        """Pass the key to the tool that waits for it."""
        if self._keypad.is_collecting(event.call):
            key = Key(await key_of(event, self._vault), event.digit == SECRET_KEY)
            self._keypad.press(event.call, key)

    async def stop(self, event: TurnCancelled | ReplyInterrupted | UserTurnResumed) -> None:
        """Stop work whose result is no longer needed."""
        self._jobs.stop(event.call, up_to=event.turn)

    async def end(self, event: CallEnded, context: Context) -> None:
        """Stop everything for this call, and let its state expire, and what was said in secret before that."""
        self._jobs.stop(event.call)
        context.state.expire(_KEPT_S)
        await self._vault.forget(event.call, _SECRETS_KEPT_S)


consumer = Execution().consumer
