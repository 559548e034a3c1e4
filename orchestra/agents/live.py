"""The calls that this process is working on, shared by all handlings of their events.

A call's conversation is read from the bus when the first handling of one of its events begins, and forgotten when the
last one ends: another worker may own the call by the next one.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Literal

import msgspec

from orchestra.agents.conversation import Conversation
from orchestra.bus import State
from schemas import PromptCompleted, ToolCompleted

#: fields of a call's state
CONVERSATION = "conversation"
STEP = "step:"

Step = PromptCompleted | ToolCompleted
StopReason = Literal["interrupted", "superseded", "call_ended", "expired"]

_step_decoder: msgspec.json.Decoder[Step] = msgspec.json.Decoder(Step)


class RunningTurn:
    """A turn at work in this process.

    Attributes:
        number: the turn's number.
        reason: why it was stopped, None while nobody stopped it.
        over: the agents have ended, whichever way, and the conversation knows what came of it.

    """

    def __init__(self, number: int, cancel: Callable[[], None]) -> None:
        self.number = number
        self.reason: StopReason | None = None
        self.over = asyncio.Event()
        self._cancel = cancel

    def stop(self, reason: StopReason) -> None:
        """Make it stop at the next moment at which it waits; the first reason counts."""
        if self.reason is None:
            self.reason = reason
            self._cancel()


class LiveCall:
    """One call at work: its conversation, its running turn, and the steps that have come back.

    Attributes:
        conversation: the memory of the call, as it will be committed next.
        turn: the turn at work here, if any.
        newest: the highest turn number that anybody here has seen.
        steps: answers to prompts and tool calls by the id of their request, those of an earlier attempt included.

    """

    def __init__(self, conversation: Conversation, steps: dict[str, Step]) -> None:
        self.conversation = conversation
        self.turn: RunningTurn | None = None
        self.newest = 0
        self.steps = steps
        self._waiting: dict[str, asyncio.Future[Step]] = {}

    async def step(self, request: str) -> Step:
        """The answer to this request, when it is there."""
        if request in self.steps:
            return self.steps[request]
        answer: asyncio.Future[Step] = asyncio.get_running_loop().create_future()
        self._waiting[request] = answer
        try:
            return await answer
        finally:
            del self._waiting[request]

    def deliver(self, step: Step) -> None:
        """An answer has come."""
        self.steps[step.request] = step
        waiting = self._waiting.get(step.request)
        if waiting is not None and not waiting.done():
            waiting.set_result(step)

    async def stop_turn(self, reason: StopReason) -> None:
        """Stop the running turn, if there is one, and wait until the conversation knows what came of it."""
        while (turn := self.turn) is not None:
            turn.stop(reason)
            await turn.over.wait()


class LiveCalls:
    """The calls at work in this process, by id."""

    def __init__(self) -> None:
        self._calls: dict[str, tuple[asyncio.Task[LiveCall], list[None]]] = {}

    @asynccontextmanager
    async def open(self, call: str, state: State, *, entry: str) -> AsyncIterator[LiveCall]:
        """The live call, read from its state unless a handling at work here has it open already.

        Args:
            call: the call's id.
            state: its state.
            entry: the agent that speaks if nobody has spoken yet.

        """
        if call not in self._calls:
            self._calls[call] = asyncio.get_running_loop().create_task(_read(state, entry)), []
        reading, users = self._calls[call]
        users.append(None)
        try:
            yield reading.result() if reading.done() else await asyncio.shield(reading)
        finally:
            users.pop()
            if not users:
                del self._calls[call]
                reading.cancel()


async def _read(state: State, entry: str) -> LiveCall:
    fields = await state.all()
    stored = fields.get(CONVERSATION)
    conversation = Conversation(agent=entry) if stored is None else Conversation.decode(stored)
    steps = [_step_decoder.decode(value) for field, value in fields.items() if field.startswith(STEP)]
    return LiveCall(conversation, {step.request: step for step in steps})
