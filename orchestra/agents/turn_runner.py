"""Runs the turns of the calls that this worker owns: begins them, stops them, and keeps what came of them."""

import asyncio
import time
from typing import Literal

import msgspec
import structlog
from redis.exceptions import RedisError

from orchestra.agents.app import App
from orchestra.agents.autogen import AgentTurn, Cast
from orchestra.agents.call_cache import CONVERSATION, STEP, CallersTurn, LiveCall, RunningTurn, Step, StopReason
from orchestra.agents.router import Router
from orchestra.agents.tool_guard import Scene
from orchestra.agents.turn_requests import PROMPT_S, TurnSteps, catch_up
from orchestra.bus import Context
from orchestra.errors import EngineError, FencedError
from orchestra.language.agreement import simply_agrees
from orchestra_schemas import (
    AgentChanged,
    CallEnded,
    CallStarted,
    Event,
    Message,
    ReplyChunk,
    ReplyInterrupted,
    ToolCompleted,
    TurnCancelled,
    TurnCompleted,
    UserTurnEnded,
    UserTurnPredicted,
    UserTurnResumed,
)

_LOG = structlog.get_logger("orchestra.agents")

#: a turn that has waited longer than this is not answered: the caller has said something else since, or is gone
STALE_S = 30.0
#: seconds that a turn may take in all
TURN_S = 300.0
#: seconds that AutoGen gets to end after it was asked to
_STOP_S = 0.1
#: how long an ended call is remembered, so that what comes late is known as late
_KEPT_S = 3600

Outcome = Literal["answered", "cancelled", "failed"]
_encode = msgspec.json.Encoder().encode


class Turns:
    """The turns of an app's calls; every method takes the call as it is live in this process.

    Args:
        app: whose agents answer.
        group: name of the consumer group that runs this, a part of the ids of what it publishes.
        prompt_s: seconds within which something of an answer is to be heard.
        turn_s: seconds that a turn may take in all.

    """

    def __init__(self, app: App, group: str, *, prompt_s: float = PROMPT_S, turn_s: float = TURN_S) -> None:
        self._prompt_s = prompt_s
        self._turn_s = turn_s
        self._app = app
        self._group = group
        self._made = app.revision, Cast(app)
        self._router = Router(app)

    @property
    def _cast(self) -> Cast:
        """The agents with the tools that they have now: those of a server elsewhere come and go."""
        revision = self._app.revision
        if self._made[0] != revision:
            self._made = revision, Cast(self._app)
        return self._made[1]

    def greeted(
        self, event: CallStarted, context: Context, live: LiveCall, *, background: str = ""
    ) -> AgentChanged | None:
        """The caller is being greeted by the agent that answers first; ``background``: of their earlier calls."""
        if live.conversation.turn >= 0:
            return None
        live.conversation.greeted(event.greeting, caller=event.other_party, background=background)
        _keep(live, context)
        return AgentChanged(call=event.call, agent=live.conversation.agent, reason="entry")

    async def answer(self, event: CallersTurn, context: Context, live: LiveCall) -> list[Event]:
        """Let the agents answer the caller; returns what closes the turn, nothing if that is not needed any more.

        ::

            predicted   UserTurnPredicted 1 -> prompt … chunks   | (nothing is spoken, no tool runs)
            it ends     UserTurnEnded 1     ->                   | tools …  TurnCompleted 1
            or goes on  UserTurnResumed 1   -> TurnCancelled 1   | UserTurnEnded 2 -> another turn

        Raises:
            FencedError: another worker owns the call now.

        """
        conversation = live.conversation
        if conversation.ended or event.turn <= conversation.turn:
            return []
        if isinstance(event, UserTurnEnded) and event.predicted:
            live.confirm(event)  # whoever began to answer it goes on
            _keep(live, context)
            return []
        reason: StopReason | None = None
        if event.turn < live.newest:
            reason = "superseded"
        else:
            live.newest = event.turn
            await live.stop_turn("superseded")
            if conversation.ended:
                reason = "call_ended"
            elif event.turn <= conversation.interrupted:
                reason = "interrupted"
            elif time.time() - event.at > STALE_S:
                reason = "expired"
        if reason is None:
            return await self._run(event, context, live)
        await catch_up(context, 0)
        if isinstance(event, UserTurnEnded):
            conversation.add_turn(event.turn, [_said(event)], agent=conversation.agent, running={})
        else:
            conversation.never_was(event.turn)
        _keep(live, context)
        return [TurnCancelled(call=event.call, turn=event.turn, reason=reason)]

    async def resumed(self, event: UserTurnResumed, context: Context, live: LiveCall) -> None:
        """The caller goes on with a turn that was predicted to be over: it never was."""
        live.conversation.stopped(event.turn)
        if live.turn is not None and live.turn.number == event.turn:
            await live.stop_turn("resumed")
        _keep(live, context)

    def step_ended(self, event: Step, context: Context, live: LiveCall) -> None:
        """A prompt or tool call has been answered: for the turn that waits for it, here or after a crash."""
        conversation = live.conversation
        if isinstance(event, ToolCompleted) and event.noted:
            conversation.note(event.noted)
            _keep(live, context)
        if event.turn > conversation.turn:
            context.state.set(STEP + event.request, _encode(event))
            live.deliver(event)
        elif isinstance(event, ToolCompleted) and conversation.tool_ended(event.request, event.result):
            _keep(live, context)

    async def interrupted(self, event: ReplyInterrupted, context: Context, live: LiveCall) -> None:
        """The caller spoke over a reply: it is not made any further, and what was not heard was never said."""
        live.conversation.stopped(event.turn)
        if live.turn is not None and live.turn.number == event.turn:
            await live.stop_turn("interrupted")
        live.conversation.heard(event.turn, event.heard)
        _keep(live, context)

    async def ended(self, event: CallEnded, context: Context, live: LiveCall) -> None:
        """The call is over: nothing is answered any more."""
        del event
        live.conversation.ended = True
        await live.stop_turn("call_ended")
        _keep(live, context)
        context.state.expire(_KEPT_S)

    async def _run(self, event: CallersTurn, context: Context, live: LiveCall) -> list[Event]:
        conversation = live.conversation
        steps = TurnSteps(self._app, event, context, live, group=self._group, prompt_s=self._prompt_s)
        asked = conversation.asked
        answer = "" if asked is None else conversation.answered_since(asked.turn, event.text)
        agent = conversation.agent
        if asked is None or not simply_agrees(answer):
            agent = self._router.route(event.text, conversation.agent)
        if agent != conversation.agent:
            steps.agent_changed(
                AgentChanged(
                    call=event.call, turn=event.turn, agent=agent, previous=conversation.agent, reason="routed"
                )
            )
        scene = Scene(
            agent=agent,
            call=event.call,
            turn=event.turn,
            caller_number=conversation.caller,
            conversation=conversation.messages,
            asked=asked,
            answer=answer,
            known=conversation.known,
            call_state=conversation.call_state,
        )
        turn = AgentTurn(self._cast, steps, scene, caller_said=_said(event))
        turn.ask_ahead()
        predicted = isinstance(event, UserTurnPredicted)
        work = asyncio.get_running_loop().create_task(_until_confirmed(turn, live) if predicted else turn.run())
        live.turn = running = RunningTurn(event.turn, lambda: _stop(turn, work))
        try:
            outcome = await _outcome(turn, work, self._turn_s)
            await catch_up(context, steps.published)
            if predicted and conversation.confirmed < event.turn:
                return self._take_back(event, context, live, steps)
            if words := live.words_of(event.turn):
                turn.said[0] = Message(role="user", content=words)
            closing = self._closing(event, turn, steps, running, outcome)
            if outcome != "cancelled":
                conversation.asked = turn.asked
            conversation.add_turn(event.turn, turn.said, agent=turn.agent, running=steps.open_tools)
            context.state.delete(*(STEP + request for request in steps.requests))
            _keep(live, context)
            return [*steps.rest(), *closing]
        finally:
            live.turn = None
            running.over.set()

    def _take_back(self, event: CallersTurn, context: Context, live: LiveCall, steps: TurnSteps) -> list[Event]:
        """The events that close a turn which was predicted and did not come."""
        conversation, running = live.conversation, live.turn
        conversation.never_was(event.turn)
        context.state.delete(*(STEP + request for request in steps.requests))
        _keep(live, context)
        reason = "expired" if running is None or running.reason is None else running.reason
        closing: list[Event] = [TurnCancelled(call=event.call, turn=event.turn, reason=reason)]
        if steps.speaker not in ("", conversation.agent):  # others were told of an agent that never spoke
            agent, previous = conversation.agent, steps.speaker
            closing.append(
                AgentChanged(call=event.call, turn=event.turn, agent=agent, previous=previous, reason="routed")
            )
        return closing

    def _closing(
        self, event: CallersTurn, turn: AgentTurn, steps: TurnSteps, running: RunningTurn, outcome: Outcome
    ) -> list[Event]:
        """The events that close a turn; a caller who would hear nothing hears the apology."""
        if outcome == "cancelled":
            return [TurnCancelled(call=event.call, turn=event.turn, reason=running.reason or "superseded")]
        closing: list[Event] = []
        if outcome == "failed" and not turn.apologised:
            turn.said.append(Message(role="assistant", content=self._app.apology))
            closing.append(
                ReplyChunk(
                    call=event.call,
                    turn=event.turn,
                    text=self._app.apology,
                    agent=turn.agent,
                    voice=self._app.team[turn.agent].voice,
                )
            )
        return [
            *closing,
            TurnCompleted(
                call=event.call,
                turn=event.turn,
                agent=turn.agent,
                text=turn.reply,
                steps=steps.count,
                failed=outcome == "failed",
                model=steps.model,
                parameters=steps.parameters,
                rules=tuple(turn.rules),
            ),
        ]


async def _until_confirmed(turn: AgentTurn, live: LiveCall) -> bool:
    """Let the agents work on a turn that is only predicted; what comes of it counts once the turn has ended."""
    try:
        answered = await turn.run()
    except EngineError:
        await live.confirmation(turn.number)
        raise
    if answered:
        await live.confirmation(turn.number)
    return answered


async def _outcome(turn: AgentTurn, work: asyncio.Task[bool], turn_s: float) -> Outcome:
    """How the agents' work ended.

    Raises:
        FencedError: another worker owns the call now.
        RedisError: the bus is away; the turn is to be run again.

    """
    try:
        done, _ = await asyncio.wait({work}, timeout=turn_s)
        if not done:
            _LOG.error("turn.too_long", agent=turn.agent, turn=turn.number, seconds=turn_s)
            _stop(turn, work)
            await asyncio.wait({work})
            return "failed"
    finally:
        _stop(turn, work)
    if work.cancelled():
        return "cancelled"
    error = work.exception()
    if error is None:
        return "answered" if work.result() else "cancelled"
    if isinstance(error, FencedError | RedisError):
        raise error
    _LOG.error("turn.failed", agent=turn.agent, turn=turn.number, error=repr(error))
    return "failed"


def _stop(turn: AgentTurn, work: asyncio.Task[bool]) -> None:
    """Stop the agents; by force if they have not ended in time."""
    if turn.over:
        work.cancel()
    elif not work.done():
        turn.cancel()
        asyncio.get_running_loop().call_later(_STOP_S, work.cancel)


def _keep(live: LiveCall, context: Context) -> None:
    context.state.set(CONVERSATION, live.conversation.encode())


def _said(event: CallersTurn) -> Message:
    return Message(role="user", content=event.text)
