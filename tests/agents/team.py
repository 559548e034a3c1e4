"""A small team of agents, a model that does as it is told, and the two workers that run them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Annotated, TypeVar

import msgspec

from orchestra.agents import Agent, App, Rule, ToolContext, tool
from orchestra.agents.handlers import Orchestration
from orchestra.agents.tool import Tool
from orchestra.execution.handlers import Execution
from orchestra.execution.models import ModelAnswer, ModelRegistry, TextDelta
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import CallStarted, Event, PromptRequested, ReplyInterrupted, ToolCall, UserTurnEnded

Move = str | Sequence[ToolCall] | Exception
Decide = Callable[[PromptRequested], Move]
E = TypeVar("E", bound=Event)


class ScriptedModel:
    """Says what ``decide`` returns: text (word by word), tool calls, or an exception to be raised.

    While ``hold`` is cleared it waits, before the ``hold_at``-th word.
    """

    name = "scripted"

    def __init__(self, decide: Decide, *, hold_at: int = 0) -> None:
        self.decide = decide
        self.hold_at = hold_at
        self.hold = asyncio.Event()
        self.hold.set()
        self.holding = asyncio.Event()
        self.prompts: list[PromptRequested] = []
        self.closed_early = 0

    async def stream(self, prompt: PromptRequested) -> AsyncIterator[TextDelta | ModelAnswer]:
        self.prompts.append(prompt)
        move = self.decide(prompt)
        if isinstance(move, Exception):
            raise move
        text = move if isinstance(move, str) else ""
        try:
            for at, word in enumerate([*text.split(" "), ""]):
                if at == self.hold_at:
                    self.holding.set()
                    await self.hold.wait()
                if text and at < len(text.split(" ")):
                    yield TextDelta(word if at == 0 else f" {word}")
        except (asyncio.CancelledError, GeneratorExit):
            self.closed_early += 1
            raise
        calls = () if isinstance(move, str) else tuple(move)
        yield ModelAnswer(text=text, tool_calls=calls, finish_reason="tool_calls" if calls else "stop")

    async def close(self) -> None:
        return


def call_of(name: str, arguments: str = "{}", call_id: str = "c1") -> ToolCall:
    return ToolCall(id=call_id, name=name, arguments=arguments)


def last(prompt: PromptRequested) -> str:
    """Role and text of the last message."""
    return f"{prompt.messages[-1].role}: {prompt.messages[-1].content}"


class Parcels:
    """The world that the tools change: what they did, and a gate that they wait at."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.waiting = asyncio.Event()
        self.cut_off = 0


@tool(idempotent=True, stop_on_barge_in=True, filler="One moment.", examples=("where is my parcel",))
async def find_parcel(number: Annotated[str, "parcel number"], context: ToolContext) -> str:
    """Find a parcel."""
    return await _act(context, f"found {number}")


@tool
async def book(day: str, context: ToolContext) -> str:
    """Book a day."""
    return await _act(context, f"booked {day} for {context.caller_number}")


async def _act(context: ToolContext, deed: str) -> str:
    parcels: Parcels = context.resources
    parcels.waiting.set()
    try:
        await parcels.gate.wait()
    except asyncio.CancelledError:
        parcels.cut_off += 1
        raise
    parcels.done.append(f"{deed} ({context.idempotency_key})")
    return deed


def team(parcels: Parcels, *, tools: tuple[Tool, ...] = (find_parcel, book), rules: tuple[Rule, ...] = ()) -> App:
    @asynccontextmanager
    async def lifespan() -> AsyncIterator[Parcels]:
        yield parcels

    return App(
        name="parcels",
        agents=(
            Agent(name="reception", about="greets", prompt="You are the reception.", handoffs=("tracking", "billing")),
            Agent(
                name="tracking",
                about="tracking",
                prompt="You track.",
                tools=tools,
                handoffs=("reception", "billing"),
                examples=("where is my parcel",),
                voice="amy",
            ),
            Agent(name="billing", about="invoices", prompt="You bill.", handoffs=("reception", "tracking")),
        ),
        entry="reception",
        apology="I am sorry, that did not work.",
        transfer_target="+15550199",
        rules=rules,
        lifespan=lifespan,
    )


class Line:
    """One call, seen from the edge: the caller's turns go in, the journal comes out."""

    def __init__(self, bus: TestBus, decide: Decide, *, hold_at: int = 0, app: App | None = None) -> None:
        self.bus = bus
        self.parcels = Parcels()
        self.model = ScriptedModel(decide, hold_at=hold_at)
        self.fallback: ScriptedModel | None = None
        self.first_token_s = 8.0
        self.app = app or team(self.parcels)
        self.call = bus.call()
        self.turn = 0

    def orchestration(self) -> Orchestration:
        return Orchestration(self.app)

    def execution(self) -> Execution:
        return Execution(self.app, self.models)

    @asynccontextmanager
    async def models(self, _: Settings) -> AsyncIterator[ModelRegistry]:
        yield ModelRegistry("scripted", lambda _: self.model, fallback=self.fallback, first_token_s=self.first_token_s)

    @asynccontextmanager
    async def running(self, started: CallStarted | None = None) -> AsyncIterator["Line"]:
        """The call, begun by ``started`` if it is to be no ordinary one from +15550001."""
        started = started or CallStarted(
            call=self.call, from_number="+15550001", greeting="Hello.", language=self.app.speaks.first
        )
        async with self.bus.run(self.orchestration().consumer, self.execution().consumer):
            await self.bus.publish(msgspec.structs.replace(started, call=self.call))
            await self.bus.settled()
            yield self

    async def say(self, text: str, *, settle: bool = True, at: float | None = None) -> int:
        """The caller says something; the number of the turn."""
        self.turn += 1
        await self.bus.publish(
            UserTurnEnded(call=self.call, turn=self.turn, text=text, at=time.time() if at is None else at)
        )
        if settle:
            await self.bus.settled()
        return self.turn

    async def interrupt(self, turn: int, heard: str) -> None:
        """The caller speaks over the reply of this turn."""
        await self.bus.publish(ReplyInterrupted(call=self.call, turn=turn, heard=heard))
        await self.bus.settled()

    async def until(self, event_type: type[E], count: int = 1) -> list[E]:
        """The events of this type, as soon as there are so many."""
        found: list[E] = []
        async with asyncio.timeout(45), aclosing(self.bus.bus.follow(since="0")) as entries:
            async for entry in entries:
                event = entry.event()
                if isinstance(event, event_type) and event.call == self.call:
                    found.append(event)
                if len(found) >= count:
                    break
        return found

    async def events(self, event_type: type[E]) -> list[E]:
        return await self.bus.published(event_type, self.call)

    async def kinds(self) -> list[str]:
        """The names of all events of the call, in order."""
        return [type(event).__name__ for event in await self.bus.published(None, self.call)]
