"""A sandbox for one app: a server of its own, and the workers on it, in this process."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, overload

from orchestra.agents.app import App
from orchestra.agents.handlers import Orchestration
from orchestra.agents.lines import Lines, app_id
from orchestra.bus import Bus, Consumer, EmbeddedServer, Publisher, run_consumer
from orchestra.errors import UsageError
from orchestra.evaluation.recorded_caller import GrowingJournal, JournalFollower, RecordedCaller
from orchestra.evaluation.recorded_tools import Policy, RecordedTools
from orchestra.execution.handlers import Execution
from orchestra.execution.models import open_models
from orchestra.history.reduce import history_of
from orchestra.history.views.turn_summaries import CallSummary, call_summary
from orchestra.lines import AppId
from orchestra.settings import Settings
from orchestra_schemas import CallStarted, Event

_PARTITIONS = 4
_READY_WITHIN_S = 20.0
_LEASE_MS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What recorded calls are played to.

    Attributes:
        app: its agents answer; of lines, those of the app that answers the call's line.
        settings: of the model.
        only_model: use the settings' model also for agents that name another one.
        tools: what happens to tool calls that do not match the recording.

    """

    app: App | Lines
    settings: Settings
    only_model: bool = False
    tools: Policy = "recorded"

    @property
    def version(self) -> str:
        """Of the app, or of all apps together."""
        return self.app.version

    def answering(self, recorded: Sequence[Event]) -> App:
        """The app that answers a recorded call.

        Raises:
            UsageError: none of the lines' apps does.

        """
        started = next((event for event in recorded if isinstance(event, CallStarted)), CallStarted(call=""))
        lines = Lines.of(self.app)
        app = lines.answering(started)
        if app is None:
            named = ", ".join(dict.fromkeys(each.name for each in lines.apps))
            msg = (
                f"no app answers {started.line or started.own_number or 'a call that names no line'} among the lines "
                f"of {named}: name one with --app"
            )
            raise UsageError(msg)
        return app


@overload
def with_prompts(app: App, prompts: Mapping[str, str | Path]) -> App: ...
@overload
def with_prompts(app: App | Lines, prompts: Mapping[str, str | Path]) -> App | Lines: ...
def with_prompts(app: App | Lines, prompts: Mapping[str, str | Path]) -> App | Lines:
    """The app, or each app of the lines, with other prompts for those of its agents that are named.

    Raises:
        UsageError: there is no such agent.

    """

    def prompted(each: App) -> App:
        agents = tuple(replace(agent, prompt=prompts.get(agent.name, agent.prompt)) for agent in each.agents)
        return replace(each, agents=agents)

    apps = app.apps if isinstance(app, Lines) else (app,)
    known = list(dict.fromkeys(name for each in apps for name in each.team))
    for name in prompts:
        if name not in known:
            names = ", ".join(dict.fromkeys(each.name for each in apps))
            msg = f"app {names} has no agent {name!r}: choose one of {', '.join(known)}"
            raise UsageError(msg)
    return app.with_apps(prompted) if isinstance(app, Lines) else prompted(app)


@dataclass(slots=True)
class Sandbox:
    """A running sandbox; it can play several calls at the same time.

    ``resources`` are what tools get in a call, by its id and by app; see `open_sandbox`.
    """

    bus: Bus
    candidate: Candidate
    tools: RecordedTools
    journals: JournalFollower
    publisher: Publisher
    backgrounds: dict[str, str] = field(default_factory=dict)
    resources: dict[str, Mapping[AppId, Any]] = field(default_factory=dict)

    def expect(self, recorded: CallSummary) -> GrowingJournal:
        """The journal of the next call that an edge answers, which plays the recorded one."""
        self.tools.enter("", [step for turn in recorded.turns for step in turn.tools], recorded.variables)
        self.backgrounds[""] = recorded.background
        return self.journals.next_call()

    @contextmanager
    def call(self, events: Sequence[Event], recorded: CallSummary) -> Iterator[tuple[RecordedCaller, GrowingJournal]]:
        """A recorded caller with a new call, and the journal of the call."""
        call = self.bus.new_call()
        self.tools.enter(call, [step for turn in recorded.turns for step in turn.tools], recorded.variables)
        self.backgrounds[call] = recorded.background
        publisher = self.publisher
        with self.journals.watched(call) as journal:
            yield RecordedCaller(events, recorded, call=call, journal=journal, publish=publisher.publish), journal
        publisher.forget(call)
        del self.backgrounds[call]


@asynccontextmanager
async def open_sandbox(
    candidate: Candidate, *, partitions: int = _PARTITIONS, simulated: bool = False
) -> AsyncIterator[Sandbox]:
    """Start a server and the workers, and remove everything at the end of the block.

    The app's ``lifespan`` is only entered if tools may run (``tools="live"``). ``simulated``: calls are no recorded
    ones, so all tools run, each with what `Sandbox.resources` has for its call.

    Raises:
        MissingExtraError: there is no embedded server, or no such model, in this installation.
        SettingError: the model has no server.

    """
    tools = RecordedTools(candidate.tools)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orchestra-compare-")))
        server = await stack.enter_async_context(EmbeddedServer(folder))
        scratch = {"redis_url": server.url, "data_dir": folder, "partitions": partitions, "lease_ms": _LEASE_MS}
        scratch["redact_at_rest"] = False  # it is gone at the end
        bus = await Bus.connect(candidate.settings.model_copy(update=scratch))
        stack.push_async_callback(bus.close)
        publisher = bus.publisher("recording", version=candidate.version)
        sandbox = Sandbox(bus, candidate, tools, await stack.enter_async_context(JournalFollower(bus)), publisher)
        await stack.enter_async_context(_working(bus, _workers(candidate, sandbox, simulated=simulated)))
        yield sandbox


def _workers(candidate: Candidate, sandbox: Sandbox, *, simulated: bool) -> list[Consumer]:
    """The two consumers of a conversation."""

    def background(event: CallStarted) -> str:
        return sandbox.backgrounds.get(event.call, sandbox.backgrounds.get("", ""))

    app = Lines.of(candidate.app)
    models = partial(open_models, only=candidate.only_model)
    orchestration = Orchestration(app, background)
    if simulated:
        execution = Execution(
            app,
            lambda _: models(candidate.settings),
            resources=lambda each, call: sandbox.resources[call].get(app_id(each)),
        )
        return [orchestration.consumer, execution.consumer]
    execution = Execution(
        app if candidate.tools == "live" else app.with_apps(_closed),
        lambda _: models(candidate.settings),
        sandbox.tools,
    )
    return [orchestration.consumer, execution.consumer]


def _closed(app: App) -> App:
    """The same app, with the same version, without its ``lifespan``."""
    closed = replace(app, lifespan=None)
    vars(closed)["version"] = app.version  # a cached property
    return closed


@asynccontextmanager
async def _working(bus: Bus, consumers: Sequence[Consumer]) -> AsyncIterator[None]:
    """Run consumers in the block, which begins when they own all partitions."""
    stop = asyncio.Event()
    ready = [asyncio.Event() for _ in consumers]
    tasks = [
        asyncio.create_task(run_consumer(consumer, bus, stop=stop, ready=own, grace_s=0.1))
        for consumer, own in zip(consumers, ready, strict=True)
    ]
    try:
        async with asyncio.timeout(_READY_WITHIN_S):
            for own, task in zip(ready, tasks, strict=True):
                waiting = asyncio.create_task(own.wait())
                await asyncio.wait([waiting, task], return_when=asyncio.FIRST_COMPLETED)
                if task.done():
                    waiting.cancel()
                    task.result()
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


def summarize_recording(events: Sequence[Event]) -> CallSummary:
    """The recorded call, turn by turn.

    Raises:
        UsageError: the caller says nothing in the recording.

    """
    recorded = call_summary(history_of(events))
    if not any(turn.transcript for turn in recorded.turns):
        msg = (
            f"the recording of {recorded.call or 'this call'} has no turn of the caller's: there is nothing to compare"
        )
        raise UsageError(msg)
    return recorded
