"""Runs the turns of the calls that this worker owns: starts and stops them, and stores their results."""

import asyncio
from collections.abc import Callable
from typing import Literal

import msgspec
import structlog
from redis.exceptions import RedisError

from orchestra.agents.agent import Agent
from orchestra.agents.app import App
from orchestra.agents.autogen import AgentToolset, AgentTurn, TurnState
from orchestra.agents.call_cache import CONVERSATION, STEP, ActiveCall, CallerTurn, RunningTurn, Step, StopReason
from orchestra.agents.capture.dialogue import PendingCapture
from orchestra.agents.conversation import Conversation
from orchestra.agents.lines import Lines
from orchestra.agents.prediction_counts import PredictionCounts
from orchestra.agents.reply_chunk import reply_chunk
from orchestra.agents.router import Router
from orchestra.agents.tool_guard import TurnContext
from orchestra.agents.transfer_tool import PERSON
from orchestra.agents.turn_requests import PROMPT_S, TurnRequests
from orchestra.bus import Context
from orchestra.call_variables import in_speech
from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import EngineError, FencedError
from orchestra.language import find_language
from orchestra.language.tags import base_of
from orchestra.versions.store import Splits
from orchestra_schemas import (
    SECRET,
    AgentChanged,
    AppChanged,
    CallEnded,
    CallGreeted,
    CallStarted,
    CallVariablesSet,
    Event,
    LanguageChanged,
    Message,
    OperatorHandedBack,
    OperatorLeft,
    OperatorPassedOn,
    OperatorTookOver,
    OperatorWhispered,
    PromptCompleted,
    ReplyInterrupted,
    ReplySpoken,
    ToolCompleted,
    TurnCancelled,
    TurnCompleted,
    UserTurnEnded,
    UserTurnPredicted,
    UserTurnResumed,
)

_LOG = structlog.get_logger("orchestra.agents")

#: a turn that has waited longer than this is not answered: the caller has gone on or hung up
STALE_S = 30.0
#: longest time of a turn, in seconds
TURN_S = 300.0
#: seconds that AutoGen gets to end by itself
_STOP_S = 0.1
#: the caller's words, for agents, where they were hidden and answer nothing
_NOT_SHOWN = f"{SECRET} (Not shown, because they were still speaking after a secret question. Ask them to repeat it.)"
#: how long an ended call is remembered, so that late events are recognized
_KEPT_S = 3600

SteppedIn = ReplySpoken | OperatorWhispered | OperatorTookOver | OperatorHandedBack | OperatorLeft
Owner = Callable[[str, ActiveCall, Context], "TurnRunner"]
Outcome = Literal["answered", "cancelled", "failed"]
_encode = msgspec.json.Encoder().encode


class TurnRunner:
    """Runs the turns of an app's calls; every method takes the active call.

    Args:
        app: the app whose agents answer.
        group: name of the consumer group, a part of the ids of published events.
        prompt_s: seconds for the first part of an answer.
        turn_s: longest time of a turn, in seconds.
        predictions: counts predicted turns.
        owner: the runner of the app that has a call now: an earlier turn may have passed it on.
        lines: all apps.
        splits: which shares their versions have.

    """

    def __init__(
        self,
        app: App,
        group: str,
        *,
        prompt_s: float = PROMPT_S,
        turn_s: float = TURN_S,
        predictions: PredictionCounts,
        owner: "Owner",
        lines: Lines,
        splits: Splits,
    ) -> None:
        self._owner = owner
        self._lines = lines
        self._splits = splits
        self._prompt_s = prompt_s
        self._turn_s = turn_s
        self._app = app
        self._group = group
        self._built = app.revision, AgentToolset(app)
        self._routers: dict[str, Router] = {}
        self.predictions = predictions

    @property
    def _toolset(self) -> AgentToolset:
        """The agents with their present tools: those of MCP servers come and go."""
        revision = self._app.revision
        if self._built[0] != revision:
            self._built = revision, AgentToolset(self._app)
        return self._built[1]

    def _router(self, language: str) -> Router:
        if language not in self._routers:
            self._routers[language] = Router(self._app, find_language(language))
        return self._routers[language]

    def greet(
        self, event: CallStarted, context: Context, active: ActiveCall, *, background: str = ""
    ) -> AgentChanged | None:
        """The first agent greets the caller; ``background``: notes on their earlier calls."""
        if active.conversation.turn >= 0:
            return None
        active.conversation.language = event.language
        active.conversation.variables = dict(event.variables)
        active.conversation.add_greeting(event.greeting, caller=event.other_party, background=background)
        _save(active, context)
        return AgentChanged(call=event.call, agent=active.conversation.agent, reason="entry")

    def set_variables(self, event: CallVariablesSet, context: Context, active: ActiveCall) -> None:
        """The app has said what it knows of the call."""
        active.conversation.variables.update(event.variables)
        _save(active, context)

    def greeted(self, event: CallGreeted, context: Context, active: ActiveCall) -> None:
        """The caller hears these words first."""
        active.conversation.add_first_words(event.greeting)
        _save(active, context)

    async def answer(self, event: CallerTurn, context: Context, active: ActiveCall) -> list[Event]:
        """Let the agents answer the caller. Returns the events that close the turn, none if it is closed already.

        ::

            predicted   UserTurnPredicted 1 -> prompt … chunks   | (nothing is spoken, only idempotent tools run)
            it ends     UserTurnEnded 1     ->                   | tools …  TurnCompleted 1
            or goes on  UserTurnResumed 1   -> TurnCancelled 1   | UserTurnEnded 2 -> another turn

        Raises:
            FencedError: another worker owns the call now.

        """
        conversation = active.conversation
        if conversation.ended or event.turn <= conversation.turn:
            return []
        if isinstance(event, UserTurnPredicted):
            self.predictions.made += 1
        if isinstance(event, UserTurnEnded) and event.predicted:
            self.predictions.hits += 1
            active.confirm(event)  # the handler of the prediction goes on with it
            _save(active, context)
            return []
        reason: StopReason | None = None
        if event.turn < active.newest_turn:
            reason = "superseded"
        else:
            active.newest_turn = event.turn
            await active.stop_turn("superseded")
            reason = _unanswered(event, conversation)
        if reason is None:
            return await self._owner(event.call, active, context).run(event, context, active)
        await context.resume()
        if isinstance(event, UserTurnEnded):
            conversation.add_turn(
                event.turn, [_said(event.text, conversation.capture)], agent=conversation.agent, running={}
            )
        else:
            conversation.discard_turn(event.turn)
        _save(active, context)
        return [TurnCancelled(call=event.call, turn=event.turn, reason=reason)]

    async def resume(self, event: UserTurnResumed, context: Context, active: ActiveCall) -> None:
        """The caller goes on with a turn that was predicted to be over: its work is discarded."""
        active.conversation.mark_interrupted(event.turn)
        if active.turn is not None and active.turn.number == event.turn:
            await active.stop_turn("resumed")
        _save(active, context)

    def deliver_result(self, event: Step, context: Context, active: ActiveCall) -> None:
        """A prompt or tool call has been answered: pass it to the turn that waits for it, here or after a crash."""
        conversation = active.conversation
        if isinstance(event, PromptCompleted) and event.turn in active.void_turns:
            self.predictions.add_tokens(event)
        if isinstance(event, ToolCompleted) and event.noted:
            active.note(event)
            _save(active, context)
        if event.turn > conversation.turn:
            context.state.set(STEP + event.request, _encode(event))
            active.deliver(event)
        elif isinstance(event, ToolCompleted) and conversation.record_late_result(event.request, event.result):
            _save(active, context)

    async def interrupt(self, event: ReplyInterrupted, context: Context, active: ActiveCall) -> None:
        """The caller spoke over a reply: stop it, and keep only the part that was heard."""
        active.conversation.mark_interrupted(event.turn)
        if active.turn is not None and active.turn.number == event.turn:
            await active.stop_turn("interrupted")
        active.conversation.truncate_reply(event.turn, event.heard, find_language(active.conversation.language))
        if event.operator:
            active.conversation.drop_questions()  # what the caller says now answers the operator
        _save(active, context)

    def step_in(self, event: SteppedIn, context: Context, active: ActiveCall) -> None:
        """An operator has done something that the agents are to know."""
        conversation = active.conversation
        match event:
            case ReplySpoken():
                conversation.add_operator_words(event.turn, event.text)
            case OperatorWhispered():
                conversation.whisper(event.note)
            case OperatorTookOver():
                conversation.give_to(event.operator)
            case OperatorHandedBack():
                conversation.take_back(event.operator, event.note)
            case OperatorLeft():
                conversation.take_back_from(event.operator)
        _save(active, context)

    async def pass_on(self, event: OperatorPassedOn, context: Context, active: ActiveCall) -> list[Event]:
        """An operator wants another agent of this app, or another app, to answer from the next turn on."""
        conversation = active.conversation
        if conversation.ended:
            return []
        if not event.app:
            if event.agent not in self._app.team:
                _LOG.error("call.not_passed_on", call=event.call, app=self._app.name, to=event.agent)
                return []
            conversation.pass_to_agent(event.agent, event.operator, event.briefing)
            own = self._app.team[event.agent].language
            spoken = _language_changes(event.call, max(0, conversation.turn), conversation, own, reason="agent")
            _save(active, context)
            return [*spoken]
        await active.stop_turn("operator")
        changed = await self._app_changed(event, event.app, conversation, event.briefing)
        if changed is None:
            return []
        changed = msgspec.structs.replace(changed, turn=max(0, conversation.turn), operator=event.operator)
        agent = AgentChanged(
            call=event.call, turn=changed.turn, agent=changed.agent, previous=conversation.agent, reason="operator"
        )
        conversation.pass_on(changed)
        spoken = self._language_of_app(changed, conversation)
        _save(active, context)
        return [changed, *(msgspec.structs.replace(each, version=changed.version) for each in (*spoken, agent))]

    def change_language(self, event: LanguageChanged, context: Context, active: ActiveCall) -> None:
        """The call goes on in another language, from the next prompt on."""
        active.conversation.change_language(event)
        _save(active, context)

    async def end(self, event: CallEnded, context: Context, active: ActiveCall) -> None:
        """The call is over: stop answering."""
        del event
        active.conversation.ended = True
        await active.stop_turn("call_ended")
        _save(active, context)
        context.state.expire(_KEPT_S)

    async def run(self, event: CallerTurn, context: Context, active: ActiveCall) -> list[Event]:
        """Let this app's agents answer. Returns the events that close the turn."""
        conversation = active.conversation
        predicted = isinstance(event, UserTurnPredicted)
        if predicted and not active.is_confirmed(event.turn):
            active.begin_prediction(event.turn)
        requests = TurnRequests(
            self._app, event, context, active, group=self._group, prompt_s=self._prompt_s, named=self._lines.several
        )
        conversation.forget_unsaid_greeting(event.turn)
        capture = conversation.capture
        asked, whispers = conversation.asked, tuple(conversation.whispers)
        answer = "" if asked is None else conversation.said_since(asked.turn, event.text)
        agent, wanted = conversation.agent, conversation.wanted_agent
        language = conversation.language_at(event.turn)
        if wanted in self._app.team:
            agent = wanted
        elif capture is None and (asked is None or not find_language(language).simply_agrees(answer)):
            agent = self._agent_for(event.text, conversation.agent, language)
        if agent != conversation.agent:
            requests.agent_changed(
                AgentChanged(
                    call=event.call,
                    turn=event.turn,
                    agent=agent,
                    previous=conversation.agent,
                    reason="operator" if agent == wanted else "routed",
                )
            )
        turn_context = TurnContext(
            agent=agent,
            call=event.call,
            turn=event.turn,
            caller_number=conversation.caller,
            language=language,
            conversation=conversation.messages,
            asked=asked,
            answer=answer,
            capture=capture,
            captured=() if capture is None else (*conversation.turns_since(capture.turn), (event.turn, event.text)),
            at=event.at,
            notes=conversation.notes,
            whispers=whispers,
            variables=conversation.variables,
            call_state=active.call_state,
        )
        turn = AgentTurn(self._toolset, requests, turn_context, caller_said=_said(event.text, capture))
        turn.prefetch()
        work = asyncio.get_running_loop().create_task(_until_confirmed(turn, active) if predicted else turn.run())
        active.turn = running = RunningTurn(event.turn, lambda: _stop(turn, work))
        try:
            outcome = await _outcome(turn, work, self._turn_s)
            await context.resume()
            if predicted and not active.is_confirmed(event.turn):
                return self._withdraw(event, context, active, requests)
            if words := active.transcript_of(event.turn):
                turn.state.said[0] = _said(words, capture)
            closing = self._closing_events(event, turn.state, requests, running, outcome)
            passed_on = await self._passed_on(event, conversation, requests) if outcome == "answered" else None
            if outcome != "cancelled":
                conversation.asked, conversation.capture = turn.state.asked, turn.state.capture
                conversation.wanted_agent = "" if conversation.wanted_agent == wanted else conversation.wanted_agent
                conversation.forget_whispers(whispers)  # a turn that was cut short leaves them to the next
            conversation.add_turn(event.turn, turn.state.said, agent=turn.state.agent, running=requests.open_tools)
            context.state.delete(*(STEP + request for request in requests.ids))
            if passed_on is not None:
                conversation.pass_on(passed_on)
                closing[-1:-1] = self._first_words(event, turn.state.agent, passed_on, conversation)
            _save(active, context)
            return [*requests.pending_events(), *closing]
        finally:
            active.turn = None
            active.end_prediction()
            running.over.set()

    def _agent_for(self, text: str, current: str, language: str) -> str:
        """The agent for these words of the caller: one that speaks their language, if there is one."""
        team = self._app.team

        def speaks(agent: str) -> bool:
            own = team[agent].language if agent in team else ""
            return not own or base_of(own) == base_of(language)

        routed = self._router(language).route(text, current)
        others = sorted((name for name in team if speaks(name)), key=lambda name: not team[name].language)
        return next((agent for agent in (routed, current, *others) if speaks(agent)), routed)

    async def _passed_on(
        self, event: CallerTurn, conversation: Conversation, requests: TurnRequests
    ) -> AppChanged | None:
        """The app that has the call from now on; None if this one keeps it, or a person gets it."""
        to = requests.transfer.get("to", PERSON)
        if to == PERSON:
            return None
        return await self._app_changed(event, to, conversation, requests.transfer["briefing"])

    async def _app_changed(self, event: Event, to: str, conversation: Conversation, briefing: str) -> AppChanged | None:
        """The event for the app that takes the call; None if there is none of this name."""
        found = self._lines.transfer_target(
            to, self._app, call=event.call, caller=conversation.caller, splits=await self._splits.read()
        )
        if found is None:
            _LOG.error("call.not_passed_on", call=event.call, app=self._app.name, to=to)
            return None
        app, agent = found
        language = _language_of(app, agent, conversation.language)
        return AppChanged(
            call=event.call,
            turn=event.turn,
            version=app.version,
            app=app.name,
            agent=agent.name,
            previous=self._app.name,
            briefing=briefing,
            greeting=find_language(language, reads_out=app.reads_out).to_speech(
                in_speech(app.said_in(language).greeting, conversation.variables)
            ),
        )

    def _language_of_app(self, changed: AppChanged, conversation: Conversation) -> list[LanguageChanged]:
        """The call goes on in a language that the app speaks which has it now; empty if it does already."""
        app = self._lines.find(changed.app, changed.version)
        spoken = "" if app is None else _language_of(app, app.team[changed.agent], conversation.language)
        return _language_changes(changed.call, changed.turn, conversation, spoken, reason="app")

    def _first_words(
        self, event: CallerTurn, previous: str, changed: AppChanged, conversation: Conversation
    ) -> list[Event]:
        """The greeting of the app that takes the call, in its agent's voice, and who speaks from now on."""
        app = self._lines.find(changed.app, changed.version)
        first: list[Event] = [*self._language_of_app(changed, conversation)]
        if app is not None and changed.greeting:
            first.append(reply_chunk(app, event, changed.agent, changed.greeting, conversation.language))
        agent = AgentChanged(call=event.call, turn=event.turn, agent=changed.agent, previous=previous, reason="handoff")
        said = (msgspec.structs.replace(each, version=changed.version) for each in (*first, agent))
        return [changed, *said]

    def _withdraw(self, event: CallerTurn, context: Context, active: ActiveCall, requests: TurnRequests) -> list[Event]:
        """The events that close a turn that was predicted and did not end."""
        conversation, running = active.conversation, active.turn
        active.void_turns.add(event.turn)
        self.predictions.withdraw(requests.prompts, active.steps.values(), event.turn)
        conversation.discard_turn(event.turn)
        context.state.delete(*(STEP + request for request in requests.ids))
        began_in = conversation.language_at(event.turn)
        back = _language_changes(event.call, event.turn, conversation, began_in, reason="agent")
        _save(active, context)
        reason = "expired" if running is None or running.reason is None else running.reason
        closing: list[Event] = [TurnCancelled(call=event.call, turn=event.turn, reason=reason)]
        if requests.speaker not in (
            "",
            conversation.agent,
        ):  # an `AgentChanged` was published for an agent that never spoke
            agent, previous = conversation.agent, requests.speaker
            closing.append(
                AgentChanged(call=event.call, turn=event.turn, agent=agent, previous=previous, reason="routed")
            )
        return [*closing, *back]

    def _closing_events(
        self, event: CallerTurn, state: TurnState, requests: TurnRequests, running: RunningTurn, outcome: Outcome
    ) -> list[Event]:
        """The events that close a turn; if the caller would hear nothing, with the apology."""
        if outcome == "cancelled":
            return [TurnCancelled(call=event.call, turn=event.turn, reason=running.reason or "superseded")]
        closing: list[Event] = []
        if outcome == "failed" and not state.apologized:
            language = requests.language
            spoken = find_language(language, reads_out=self._app.reads_out)
            apology = spoken.to_speech(in_speech(self._app.said_in(language).apology, state.context.variables))
            state.said.append(Message(role="assistant", content=apology))
            closing.append(reply_chunk(self._app, event, state.agent, apology, language))
        return [
            *closing,
            TurnCompleted(
                call=event.call,
                turn=event.turn,
                agent=state.agent,
                text=state.reply,
                steps=requests.count,
                failed=outcome == "failed",
                model=requests.model,
                parameters=requests.parameters,
                rules=tuple(state.rules),
            ),
        ]


def _language_of(app: App, agent: Agent, language: str) -> str:
    """The language of a call that comes to this app and agent in ``language``."""
    return agent.language or app.speaks.find(language) or app.speaks.first


def _language_changes(
    call: str, turn: int, conversation: Conversation, language: str, *, reason: Literal["agent", "app"]
) -> list[LanguageChanged]:
    """Let the call go on in this language. Returns the event; none if the language is empty, or the call's already."""
    if language in ("", conversation.language):
        return []
    previous = conversation.language
    changed = LanguageChanged(call=call, turn=turn, language=language, previous=previous, reason=reason)
    conversation.change_language(changed)
    return [changed]


def _unanswered(event: CallerTurn, conversation: Conversation) -> StopReason | None:
    """Why nobody waits for an answer to this turn; None if somebody does."""
    if conversation.ended:
        return "call_ended"
    if isinstance(event, UserTurnEnded) and event.operator:
        return "operator"
    if event.turn <= conversation.interrupted:
        return "interrupted"
    return "expired" if SYSTEM_CLOCK.time() - event.at > STALE_S else None


async def _until_confirmed(turn: AgentTurn, active: ActiveCall) -> bool:
    """Let the agents work on a predicted turn; the result counts once the turn has ended."""
    try:
        answered = await turn.run()
    except EngineError:
        await active.wait_until_confirmed(turn.state.context.turn)
        raise
    if answered:
        await active.wait_until_confirmed(turn.state.context.turn)
    return answered


async def _outcome(turn: AgentTurn, work: asyncio.Task[bool], turn_s: float) -> Outcome:
    """Wait for the agents, and return how their work ended.

    Raises:
        FencedError: another worker owns the call now.
        RedisError: the bus is unreachable; the turn must be repeated.

    """
    try:
        done, _ = await asyncio.wait({work}, timeout=turn_s)
        if not done:
            _LOG.error("turn.too_long", agent=turn.state.agent, turn=turn.state.context.turn, seconds=turn_s)
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
    _LOG.error("turn.failed", agent=turn.state.agent, turn=turn.state.context.turn, error=repr(error))
    return "failed"


def _stop(turn: AgentTurn, work: asyncio.Task[bool]) -> None:
    """Stop the agents; by force if they do not end in time."""
    if turn.over:
        work.cancel()
    elif not work.done():
        turn.cancel()
        asyncio.get_running_loop().call_later(_STOP_S, work.cancel)


def _save(active: ActiveCall, context: Context) -> None:
    context.state.set(CONVERSATION, active.conversation.encode())


def _said(words: str, capture: PendingCapture | None) -> Message:
    """The caller's words as the agents know them: also why they do not, if these do not answer a secret question."""
    return Message(role="user", content=_NOT_SHOWN if words == SECRET and capture is None else words)
