"""The calls that this process is working on, shared by all handlings of their events.

A call's conversation is read from the bus once for each lease under which its partition is held here: while a lease
lasts nobody else writes it, and a caller who waits for an answer need not wait for Redis first. With another lease, or
after a handling that failed, it is read again.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

import msgspec

from orchestra.agents.conversation import Conversation
from orchestra.bus import Context, State
from orchestra_schemas import PromptCompleted, ToolCompleted, UserTurnEnded, UserTurnPredicted

#: fields of a call's state
CONVERSATION = "conversation"
STEP = "step:"

#: calls that are remembered between two of their events
_REMEMBERED = 1000

Step = PromptCompleted | ToolCompleted
CallerTurn = UserTurnEnded | UserTurnPredicted
StopReason = Literal["interrupted", "superseded", "call_ended", "expired", "resumed"]

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


class ActiveCall:
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
        self.newest_turn = 0
        self.steps = steps
        self._waiting: dict[str, asyncio.Future[Step]] = {}
        self._confirmed = asyncio.Event()
        self._words = (0, "")  # of the turn that was confirmed last

    def confirm(self, event: UserTurnEnded) -> None:
        """The caller's turn has ended as it was predicted."""
        self.conversation.confirmed = max(self.conversation.confirmed, event.turn)
        self._words = (event.turn, event.text)
        self._confirmed.set()

    async def wait_until_confirmed(self, turn: int) -> None:
        """Wait until this turn, which was predicted, has ended."""
        while self.conversation.confirmed < turn:
            self._confirmed.clear()
            await self._confirmed.wait()

    def transcript_of(self, turn: int) -> str:
        """What the caller said in this turn that was predicted, "" where it is not known any more."""
        confirmed, words = self._words
        return words if confirmed == turn else ""

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


@dataclass(slots=True)
class _CacheEntry:
    """A live call, under which lease it was read, how many handlings use it, and whether one of them has failed."""

    lease: str
    loading: asyncio.Task[ActiveCall]
    users: int = 0
    failed: bool = False

    def serves(self, context: Context) -> bool:
        """Whether this attempt can use it: it holds what is committed, or what those beside it are about to commit."""
        return self.lease == context.lease and (self.users > 0 or context.attempt == 1)

    def settle(self) -> bool:
        """Nobody uses it at the moment; whether it is worth being remembered."""
        if self.failed or not self.loading.done():
            self.loading.cancel()
            return False
        active = self.loading.result()
        active.steps = {request: step for request, step in active.steps.items() if step.turn > active.conversation.turn}
        return not active.conversation.ended


class CallCache:
    """The calls at work in this process, by id."""

    def __init__(self) -> None:
        self._calls: dict[str, _CacheEntry] = {}

    @asynccontextmanager
    async def open(self, call: str, context: Context, *, entry: str) -> AsyncIterator[ActiveCall]:
        """The live call, read from its state unless it is known here.

        Args:
            call: the call's id.
            context: of the handling that needs it.
            entry: the agent that speaks if nobody has spoken yet.

        """
        opened = self._calls.get(call)
        if opened is None or not opened.serves(context):
            loading = asyncio.get_running_loop().create_task(_read(context.state, entry))
            opened = self._calls[call] = _CacheEntry(context.lease, loading)
        opened.users += 1
        try:
            yield opened.loading.result() if opened.loading.done() else await asyncio.shield(opened.loading)
        except BaseException:
            opened.failed = True  # it may hold what was never committed
            raise
        finally:
            opened.users -= 1
            if not opened.users:
                self._close(call, opened)

    def _close(self, call: str, opened: _CacheEntry) -> None:
        worth_keeping = opened.settle()
        if self._calls.get(call) is not opened:
            return
        del self._calls[call]
        if worth_keeping:
            self._calls[call] = opened  # as the one used last
            if len(self._calls) > _REMEMBERED:
                oldest = next((each for each, other in self._calls.items() if not other.users), call)
                del self._calls[oldest]


async def _read(state: State, entry: str) -> ActiveCall:
    fields = await state.all()
    stored = fields.get(CONVERSATION)
    conversation = Conversation(agent=entry) if stored is None else Conversation.decode(stored)
    steps = [_step_decoder.decode(value) for field, value in fields.items() if field.startswith(STEP)]
    return ActiveCall(conversation, {step.request: step for step in steps})
