"""Caches the calls that this process works on, shared by all handlers of their events.

A call's conversation is read from Redis once per lease of its partition: during a lease nobody else writes it, and a
caller who waits for an answer does not wait for Redis first. It is read again under another lease, or after a handler
has failed.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from orchestra.agents.conversation import Conversation, update_call_state
from orchestra.bus import Context, State
from orchestra_schemas import PromptCompleted, ToolCompleted, UserTurnEnded, UserTurnPredicted

#: fields of a call's state
CONVERSATION = "conversation"
STEP = "step:"

#: most calls that are cached between their events
_REMEMBERED = 1000

Step = PromptCompleted | ToolCompleted
CallerTurn = UserTurnEnded | UserTurnPredicted
StopReason = Literal["interrupted", "superseded", "call_ended", "expired", "resumed", "operator"]

_step_decoder: msgspec.json.Decoder[Step] = msgspec.json.Decoder(Step)


class RunningTurn:
    """A turn that runs in this process.

    Attributes:
        number: the turn's number.
        reason: why it was stopped, None if it was not.
        over: the agents have finished, in whatever way, and the conversation has the result.

    """

    def __init__(self, number: int, cancel: Callable[[], None]) -> None:
        self.number = number
        self.reason: StopReason | None = None
        self.over = asyncio.Event()
        self._cancel = cancel

    def stop(self, reason: StopReason) -> None:
        """Stop it the next time it waits; the first reason counts."""
        if self.reason is None:
            self.reason = reason
            self._cancel()


class ActiveCall:
    """An active call: its conversation, its running turn, and the completed steps.

    Attributes:
        conversation: the memory of the call, as it will be committed next.
        turn: the turn that runs here, if any.
        newest_turn: the highest turn number seen here.
        void_turns: turns that were predicted to be over and went on; answers to their prompts may still come.
        steps: answers to prompts and tool calls by the id of their request, including those of an earlier attempt.

    """

    def __init__(self, conversation: Conversation, steps: dict[str, Step]) -> None:
        self.conversation = conversation
        self.turn: RunningTurn | None = None
        self.newest_turn = 0
        self.void_turns: set[int] = set()
        self.steps = steps
        self._waiting: dict[str, asyncio.Future[Step]] = {}
        self._confirmed = asyncio.Event()
        self._words = (0, "")  # of the last confirmed turn
        # the turn that runs and is not confirmed yet, and the call's state as its tools see it
        self._predicted_turn = -1
        self._predicted_state: dict[str, Any] | None = None

    @property
    def call_state(self) -> dict[str, Any]:
        """What tools have noted so far; a predicted turn has a copy, which counts once the turn has ended."""
        return self.conversation.call_state if self._predicted_state is None else self._predicted_state

    def begin_prediction(self, turn: int) -> None:
        """From here on, what the tools of this predicted turn note is kept apart."""
        self._predicted_turn, self._predicted_state = turn, dict(self.conversation.call_state)
        for step in self._predicted_tools(turn):  # of an attempt before this one
            update_call_state(self._predicted_state, step.noted)

    def end_prediction(self) -> None:
        """Forget what the tools of the predicted turn have noted, unless it was confirmed."""
        self._predicted_state = None

    def note(self, event: ToolCompleted) -> None:
        """A tool has changed the state of the call; in a predicted turn that only counts once the turn has ended."""
        state = self._predicted_state
        if event.predicted and not self.is_confirmed(event.turn):
            if state is not None and event.turn == self._predicted_turn:
                update_call_state(state, event.noted)
            return
        update_call_state(self.conversation.call_state, event.noted)
        if state is not None:
            update_call_state(state, event.noted)

    def confirm(self, event: UserTurnEnded) -> None:
        """The caller's turn has ended as predicted: what its tools have noted counts."""
        if self._predicted_state is not None and event.turn == self._predicted_turn:
            self.conversation.call_state, self._predicted_state = self._predicted_state, None
        else:
            for step in self._predicted_tools(event.turn):
                update_call_state(self.conversation.call_state, step.noted)
        self.conversation.confirmed = max(self.conversation.confirmed, event.turn)
        self._words = (event.turn, event.text)
        self._confirmed.set()

    def is_confirmed(self, turn: int) -> bool:
        """Whether this predicted turn has ended as predicted."""
        return self.conversation.confirmed >= turn

    def _predicted_tools(self, turn: int) -> list[ToolCompleted]:
        """The tools that have ended before this predicted turn had, in order."""
        ended = [step for step in self.steps.values() if isinstance(step, ToolCompleted)]
        return sorted((step for step in ended if step.predicted and step.turn == turn), key=lambda step: step.at)

    async def wait_until_confirmed(self, turn: int) -> None:
        """Wait until this predicted turn has ended."""
        while not self.is_confirmed(turn):
            self._confirmed.clear()
            await self._confirmed.wait()

    def transcript_of(self, turn: int) -> str:
        """The caller's words in this predicted turn, "" if they are no longer known."""
        confirmed, words = self._words
        return words if confirmed == turn else ""

    async def step(self, request: str) -> Step:
        """Wait for the answer to this request."""
        if request in self.steps:
            return self.steps[request]
        answer: asyncio.Future[Step] = asyncio.get_running_loop().create_future()
        self._waiting[request] = answer
        try:
            return await answer
        finally:
            del self._waiting[request]

    def deliver(self, step: Step) -> None:
        """An answer has arrived."""
        self.steps[step.request] = step
        waiting = self._waiting.get(step.request)
        if waiting is not None and not waiting.done():
            waiting.set_result(step)

    async def stop_turn(self, reason: StopReason) -> None:
        """Stop the running turn, if there is one, and wait until the conversation has its result."""
        while (turn := self.turn) is not None:
            turn.stop(reason)
            await turn.over.wait()


@dataclass(slots=True)
class _CacheEntry:
    """An active call, the lease under which it was read, the number of its handlers, and whether one has failed."""

    lease: str
    loading: asyncio.Task[ActiveCall]
    users: int = 0
    failed: bool = False

    def serves(self, context: Context) -> bool:
        """Whether this attempt can use it: its state is committed, or will be by concurrent handlers."""
        return self.lease == context.lease and (self.users > 0 or context.attempt == 1)

    def settle(self) -> bool:
        """Called when no handler uses it any more. Returns whether to keep it."""
        if self.failed or not self.loading.done():
            self.loading.cancel()
            return False
        active = self.loading.result()
        active.steps = {request: step for request, step in active.steps.items() if step.turn > active.conversation.turn}
        return not active.conversation.ended


class CallCache:
    """The active calls of this process, by id."""

    def __init__(self) -> None:
        self._calls: dict[str, _CacheEntry] = {}

    @asynccontextmanager
    async def open(self, call: str, context: Context, *, entry: str) -> AsyncIterator[ActiveCall]:
        """The active call, read from its state unless it is cached.

        Args:
            call: the call's id.
            context: the context of the handler.
            entry: the agent that answers first.

        """
        opened = self._calls.get(call)
        if opened is None or not opened.serves(context):
            loading = asyncio.get_running_loop().create_task(_read(context.state, entry))
            opened = self._calls[call] = _CacheEntry(context.lease, loading)
        opened.users += 1
        try:
            yield opened.loading.result() if opened.loading.done() else await asyncio.shield(opened.loading)
        except BaseException:
            opened.failed = True  # it may contain changes that were never committed
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
            self._calls[call] = opened  # now the most recently used
            if len(self._calls) > _REMEMBERED:
                oldest = next((each for each, other in self._calls.items() if not other.users), call)
                del self._calls[oldest]


async def _read(state: State, entry: str) -> ActiveCall:
    fields = await state.all()
    stored = fields.get(CONVERSATION)
    conversation = Conversation(agent=entry) if stored is None else Conversation.decode(stored)
    steps = [_step_decoder.decode(value) for field, value in fields.items() if field.startswith(STEP)]
    return ActiveCall(conversation, {step.request: step for step in steps})
