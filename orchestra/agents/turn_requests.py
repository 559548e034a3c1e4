"""Requests and responses over the bus: publishes each prompt and tool call of a turn, and awaits its answer.

Request ids follow from the turn's event and the order of the requests. A turn that another worker repeats after this
one has died therefore publishes nothing twice, and gets the answers that exist already.
"""

import asyncio
from collections.abc import Awaitable, Coroutine
from contextlib import aclosing
from typing import Any

import msgspec

from orchestra.agents.agent import Agent
from orchestra.agents.app import App
from orchestra.agents.autogen.requests import ToolChoice
from orchestra.agents.builtin import ACTS_ON_CALL
from orchestra.agents.call_cache import ActiveCall, CallerTurn, Step
from orchestra.agents.capture.dialogue import PendingCapture
from orchestra.agents.reply_chunk import reply_chunk
from orchestra.agents.speaking_rate import SpeakingRate
from orchestra.agents.transfer_tool import TransferTool
from orchestra.bus import Context, partition_of
from orchestra.bus.keys import JOURNAL
from orchestra.call_variables import in_prompt
from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import EngineError
from orchestra.language import find_language
from orchestra.spoken_languages import SpokenLanguages
from orchestra_schemas import (
    AgentChanged,
    Event,
    LanguageChanged,
    Message,
    PromptCompleted,
    PromptRequested,
    ToolCall,
    ToolCompleted,
    ToolRequested,
    ToolSchema,
    UserTurnPredicted,
)

#: seconds for the first part of an answer, including the recovery from a dead worker
PROMPT_S = 30.0
#: seconds after a deadline until which an answer may still arrive
_GRACE_S = 3.0
#: the end of every prompt of an app that speaks other languages than English
_SPEAKS = "The caller speaks {language}; answer in {language}."
_NO_ANSWER = "The tool did not answer in time; its outcome is not known."


class TurnRequests:
    """Asks the execution workers for the prompts and tool calls of one turn.

    Attributes:
        count: how many prompts and tool calls there were, and ``prompts`` of them prompts.
        ids: the ids of the requests.
        open_tools: tool calls without an answer: id of the request → id of the tool call.
        published: how many events this attempt has published.
        model: the model that gave the last answer, empty before one has.
        parameters: the parameters of that answer.
        transfer: the arguments of a ``transfer_call`` that was made: who takes the call, and their briefing.
        speaker: the agent of the last published `AgentChanged` of this turn, "" without one.

    """

    def __init__(
        self,
        app: App,
        event: CallerTurn,
        context: Context,
        active: ActiveCall,
        *,
        group: str,
        prompt_s: float = PROMPT_S,
        named: bool = False,
    ) -> None:
        self._app_name = app.name if named else ""
        self.count = self.prompts = 0
        self.ids: list[str] = []
        self.open_tools: dict[str, str] = {}
        self._app = app
        self._event = event
        self._context = context
        self._active = active
        self._prompt_s = prompt_s
        self._id_prefix = f"{event.id}.{group}."
        self.published = 0
        self.model = ""
        self.parameters: dict[str, Any] = {}
        self.speaker = ""
        self.transfer: dict[str, Any] = {}
        self._pending: list[Event] = []

    @property
    def language(self) -> str:
        """In which the call is held now: a tool or a hand-off may have changed it in this turn."""
        return self._active.conversation.language

    def agent_changed(self, change: AgentChanged) -> None:
        """Publish this with the next request."""
        self._pending.append(change)

    def pending_events(self) -> list[Event]:
        """The events that no request has taken along."""
        pending, self._pending = self._pending, []
        return pending

    def prompt(
        self,
        agent: Agent,
        messages: tuple[Message, ...],
        tools: tuple[ToolSchema, ...],
        tool_choice: ToolChoice,
        *,
        silent: bool = False,
    ) -> Coroutine[Any, Any, PromptCompleted]:
        """Have a model answer. The prompt is published at once; await the result for the answer.

        Raises:
            EngineError: no worker answered in time.

        """
        self.count += 1
        self.prompts += 1
        request = PromptRequested(
            call=self._event.call,
            turn=self._event.turn,
            app=self._app_name,
            agent=agent.name,
            step=self.count,
            messages=messages if silent else self._in_language(agent, messages),
            tools=tools,
            tool_choice=tool_choice,
            silent=silent,
            model=agent.model,
            parameters=dict(agent.parameters),
            call_state=dict(self._active.call_state),
            language=self.language,
            deadline=SYSTEM_CLOCK.time() + self._prompt_s,
        )
        return self._answer_to_prompt(*self._ask(request))

    def _in_language(self, agent: Agent, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        """The messages with the agent's prompt for the language that the call has now."""
        only_english = self._app.speaks == SpokenLanguages() and self.language == self._app.speaks.first
        if only_english or not messages or messages[0].role != "system":
            return messages
        spoken = _SPEAKS.format(language=find_language(self.language).name)
        text = f"{self._instructions(agent)}\n\n{spoken}"
        return (msgspec.structs.replace(messages[0], content=text), *messages[1:])

    def _instructions(self, agent: Agent) -> str:
        return in_prompt(agent.instructions(self.language), self._active.conversation.variables)

    async def _answer_to_prompt(self, request_id: str, stored: Awaitable[None]) -> PromptCompleted:
        await stored
        asked = looked = SYSTEM_CLOCK.time()
        answer = await self._answer(request_id, self._prompt_s)
        while answer is None and await self._is_being_answered(request_id, looked):
            looked = SYSTEM_CLOCK.time()
            answer = await self._answer(request_id, self._prompt_s)
        if not isinstance(answer, PromptCompleted):
            msg = f"no worker has answered the prompt {request_id} within {SYSTEM_CLOCK.time() - asked:.0f} s"
            raise EngineError(msg)
        self.model, self.parameters = answer.model, answer.parameters
        return answer

    async def _is_being_answered(self, request_id: str, since: float) -> bool:
        """Whether a worker has published something for this request since then: a long answer is still in progress."""
        call = self._event.call
        entries = self._context.bus.entries(partition_of(call), JOURNAL, since=str(int(since * 1000)))
        async with aclosing(entries):  # type: ignore[type-var]
            async for entry in entries:
                if entry.call == call and entry.id.startswith(f"{request_id}."):
                    return True
        return False

    async def tool(self, agent: Agent, call: ToolCall) -> ToolCompleted:
        """Have a tool run. If no worker answers, the result says that the outcome is not known.

        The effects of a tool cannot be undone: in a predicted turn it waits until the turn has ended, unless it is one
        that may run for nothing.
        """
        tool = self._app.tools.get(call.name)  # None: its server has removed it since; execution reports that
        early = isinstance(self._event, UserTurnPredicted) and not self._active.is_confirmed(self._event.turn)
        if early and (tool is None or not tool.runs_early or tool.name in ACTS_ON_CALL):
            await self._active.wait_until_confirmed(self._event.turn)
            early = False
        self.count += 1
        timeout_s = 0.0 if tool is None else tool.timeout_s
        request = ToolRequested(
            call=self._event.call,
            turn=self._event.turn,
            app=self._app_name,
            agent=agent.name,
            name=call.name,
            step=self.count,
            tool_call_id=call.id,
            arguments=call.arguments,
            call_state=dict(self._active.call_state),
            language=self.language,
            predicted=early,
            deadline=SYSTEM_CLOCK.time() + timeout_s + _GRACE_S,
        )
        request_id, stored = self._ask(request, call.id)
        await stored
        answer = await self._answer(request_id, timeout_s + _GRACE_S)
        if not isinstance(answer, ToolCompleted):
            return ToolCompleted(call=request.call, request=request_id, name=call.name, result=_NO_ANSWER, failed=True)
        del self.open_tools[request_id]
        if isinstance(tool, TransferTool) and not answer.failed:
            self.transfer = tool.check(call.arguments)
        return answer

    def hand_off(self, agent: str, previous: str) -> None:
        """Another agent speaks from here on, and the call has its language if it has one of its own."""
        self._pending.append(
            AgentChanged(call=self._event.call, turn=self._event.turn, agent=agent, previous=previous, reason="handoff")
        )

        # not compared with that of the call, so that a repeated turn publishes the same events
        own = self._app.team[agent].language
        if own and own != self._app.team[previous].language:
            changed = LanguageChanged(
                call=self._event.call, turn=self._event.turn, language=own, previous=self.language, reason="agent"
            )
            self._pending.append(changed)
            self._active.conversation.change_language(changed)

    def say(self, agent: Agent, text: str, messages: tuple[Message, ...], asks: PendingCapture | None = None) -> None:
        """Have the caller hear these words as they are, at the pace that fits what was said before in ``messages``.

        ``asks``: for what they ask the caller.
        """
        speed = SpeakingRate(self._app.speed_of(agent.name), messages).of_same_words(text)
        self._pending.append(
            reply_chunk(
                self._app,
                self._event,
                agent.name,
                text,
                self.language,
                speed=speed,
                secret=asks is not None and asks.secret,
                takes_keys=asks is not None and asks.keyed,
            )
        )

    def _ask(self, request: PromptRequested | ToolRequested, tool_call_id: str = "") -> tuple[str, Awaitable[None]]:
        """Publish a request. Returns its id, and an awaitable that ends when it is stored."""
        events = (*self.pending_events(), request)
        changes = [event.agent for event in events if isinstance(event, AgentChanged)]
        self.speaker = changes[-1] if changes else self.speaker
        self.published += len(events)
        request_id = f"{self._id_prefix}{self.published}"
        self.ids.append(request_id)
        if tool_call_id:
            self.open_tools[request_id] = tool_call_id
        return request_id, self._context.publish(*events)

    async def _answer(self, request_id: str, within_s: float) -> Step | None:
        try:
            async with asyncio.timeout(within_s + _GRACE_S):
                return await self._active.step(request_id)
        except TimeoutError:
            return None
