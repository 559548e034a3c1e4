"""One turn of the agents: they are built, asked, hand over to one another, and are stopped."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Protocol

import msgspec
from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.messages import HandoffMessage
from autogen_core import CancellationToken

from orchestra.agents.agent import Agent
from orchestra.agents.autogen.client import PROMPTS, PromptClient, ToolChoice
from orchestra.agents.autogen.toolset import AgentToolset
from orchestra.agents.autogen.workbench import REFUSED_SUFFIX, CallContext, ToolBench
from orchestra.agents.confirmation import PendingConfirmation
from orchestra.agents.notes import as_message
from orchestra.agents.tool_guard import Refusal, TurnContext, as_object
from orchestra.errors import RejectedError
from orchestra.language import Language
from orchestra_schemas import Message, PromptCompleted, ToolCall, ToolCompleted, ToolSchema

_ON_ITS_OWN = "Not done: call it again, on its own."
#: how often the caller may change hands in one turn
_HANDOFFS = 2
#: how long AutoGen waits while the prompt is on its way: building it takes a core that others need for that
_OTHERS_FIRST_S = 0.005


class Requests(Protocol):
    """What the agents ask of the platform during one turn."""

    def prompt(
        self, agent: Agent, messages: tuple[Message, ...], tools: tuple[ToolSchema, ...], tool_choice: ToolChoice
    ) -> Coroutine[Any, Any, PromptCompleted]:
        """Have a model answer. It is asked at once, and its words are spoken while they come."""
        ...

    async def tool(self, agent: Agent, call: ToolCall) -> ToolCompleted:
        """Have a tool run."""
        ...

    def hand_off(self, agent: str, previous: str) -> None:
        """Another agent speaks from here on."""
        ...

    def say(self, agent: Agent, text: str) -> None:
        """Have the caller hear these words as they are; no model has made them."""
        ...


class AgentTurn:
    """One turn: from the caller's words to the agents' last.

    Attributes:
        agent: name of the agent that speaks now.
        said: the messages of this turn so far, the caller's first.
        notes: what the agents know beside the conversation, as one message before it, or nothing.
        apologised: a prompt failed, and the caller was told so.
        agreed: a tool call that the caller has just agreed to; it is made before any model is asked.
        made: tool calls as they were judged, by the id of the call: no other runs.
        refused: tool calls and handoffs that are not made, by the id of the call.
        say_instead: what the caller hears in their place, and not yet has.
        asked: what the caller is asked in this turn before a tool may run.
        rules: names of the rules that stopped or changed a tool call or handoff.
        prompts: how many prompts were asked.
        calls: how many tool calls and handoffs the models have made.
        last_calls: those of the last answer that made any, by name and arguments.
        prefetched: the answer to the first of them, until AutoGen asks for it.
        over: the agents have ended their work.

    """

    def __init__(
        self, toolset: AgentToolset, requests: Requests, context: TurnContext, *, caller_said: Message
    ) -> None:
        self.toolset = toolset
        self.requests = requests
        self.agent = context.agent
        self.number = context.turn
        self.history: Sequence[Message] = context.conversation
        self.notes = (as_message(context.notes),) if context.notes else ()
        self.said = [caller_said]
        self.agreed = _agreed_call(context, toolset.language)
        self.made: dict[str, ToolCall] = {}
        self.refused: dict[str, Refusal] = {}
        self.say_instead = ""
        self.rules: dict[str, None] = {}
        self.asked: PendingConfirmation | None = None
        self._context = context
        self.apologized = False
        self.over = False
        self.token = CancellationToken()
        self.broken: Exception | None = None
        self.prompts = 0
        self.calls = 0
        self.last_calls: set[tuple[str, str]] = set()
        self.prefetched: asyncio.Future[PromptCompleted] | None = None
        self._seen = {self.agent}

    def prefetch(self) -> None:
        """Ask what the agent will ask first, before AutoGen is built to ask it: the caller waits for the answer.

        Nothing is asked where the caller has agreed to a tool call: then no model need be.
        """
        if self.agreed is None:
            messages = (Message(role="system", content=self._instructions), *self.notes, *self.history, *self.said)
            self.prefetched = self.ask(messages, self.toolset.offered(self.agent, self._open_to()), "auto")

    def ask(
        self, messages: tuple[Message, ...], offered: tuple[ToolSchema, ...], choice: ToolChoice
    ) -> asyncio.Future[PromptCompleted]:
        """The answer to a prompt, which is published at once."""
        self.prompts += 1
        prompt = self.requests.prompt(self.toolset.agents[self.agent], messages, offered, choice if offered else "none")
        asked = asyncio.ensure_future(prompt)
        self.token.link_future(asked)
        return asked

    def cancel(self) -> None:
        """Stop at the next moment at which the agents wait."""
        self.token.cancel()

    def check_calls(self, calls: Sequence[ToolCall], offered: Sequence[str]) -> tuple[ToolCall, ...]:
        """The calls as they are to be made; those that are not stand in `refused`, and answer themselves."""
        context = msgspec.structs.replace(self._context, agent=self.agent, conversation=(*self.history, *self.said))
        made: list[ToolCall] = []
        refusals: list[Refusal] = []
        for call in calls:
            if call.id in self.refused:
                made.append(call)
                continue
            verdict = self.toolset.guard.check(call, context, offered, self.rules)
            if isinstance(verdict, ToolCall):
                made.append(verdict)
                self.made[verdict.id] = verdict
                if context.asked is not None and verdict.name == context.asked.tool:  # agreed to once, not twice
                    self._context = context = msgspec.structs.replace(context, asked=None)
                continue
            refusals.append(verdict)
            self.refused[call.id] = verdict
            made.append(_readable(call))
        if len(refusals) == 1 and len(calls) == 1:
            self._say_refusal(refusals[0])
        elif refusals:
            for call in calls:
                if call.id in self.refused and self.refused[call.id].say:
                    self.refused[call.id] = Refusal(result=_ON_ITS_OWN)
        return tuple(made)

    def _say_refusal(self, refused: Refusal) -> None:
        """Have this said in place of the call, as it is read out: so it is heard, recorded and agreed to."""
        self.say_instead, self.asked = self.toolset.language.to_speech(refused.say), refused.asked
        if self.asked is not None:
            self.asked = msgspec.structs.replace(self.asked, question=self.say_instead)

    def restore_handoff_name(self, message: Message) -> Message:
        """A message with the name of a refused handoff that it had before AutoGen was kept from following it."""
        if message.tool_call_id in self.refused:
            return msgspec.structs.replace(message, name=message.name.removesuffix(REFUSED_SUFFIX))
        if not message.tool_calls:
            return message
        calls = tuple(
            msgspec.structs.replace(call, name=call.name.removesuffix(REFUSED_SUFFIX)) for call in message.tool_calls
        )
        return msgspec.structs.replace(message, tool_calls=calls)

    async def run(self) -> bool:
        """Let the agents work until they have answered: True, or were cancelled: False.

        Raises:
            EngineError: a prompt failed, or gave no answer.
            OrchestraError: a step could not be asked for.

        """
        client = PromptClient(self)
        try:
            if self.prefetched is not None:
                await asyncio.wait({self.prefetched}, timeout=_OTHERS_FIRST_S)
            while True:
                response = await self._build(client).on_messages([], self.token)
                if not isinstance(response.chat_message, HandoffMessage):
                    return True
                previous, self.agent = self.agent, response.chat_message.target
                self._seen.add(self.agent)
                self.requests.hand_off(self.agent, previous)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self.token.is_cancelled() or (task is not None and task.cancelling()):
                raise
            return False
        finally:
            self.over = True
            self.token.cancel()  # whatever AutoGen still waits for

    def _open_to(self) -> list[str]:
        """The agents to whom the one that speaks may hand over now."""
        if len(self._seen) > _HANDOFFS:
            return []
        return [name for name in self.toolset.agents[self.agent].handoffs if name not in self._seen]

    @property
    def _instructions(self) -> str:
        return self.toolset.agents[self.agent].instructions

    def _build(self, client: PromptClient) -> AssistantAgent:
        return AssistantAgent(
            self.agent,
            client,
            workbench=ToolBench(self),
            handoffs=[self.toolset.handoffs[name] for name in self._open_to()],
            model_context=CallContext(self),
            system_message=self._instructions,
            max_tool_iterations=PROMPTS,
        )

    @property
    def reply(self) -> str:
        """All that the agents have said in this turn."""
        return " ".join(message.content for message in self.said if message.role == "assistant" and message.content)


def _readable(call: ToolCall) -> ToolCall:
    """A call that is not made, with arguments that AutoGen can read and a model's server takes back."""
    try:
        return as_object(call)
    except RejectedError:
        return msgspec.structs.replace(call, arguments="{}")


def _agreed_call(context: TurnContext, language: Language) -> ToolCall | None:
    """The tool call that the caller was asked about, if they have said yes and nothing more."""
    if context.asked is None or not language.simply_agrees(context.answer):
        return None
    return ToolCall(id=f"y{context.turn % 100_000_000:08d}", name=context.asked.tool, arguments=context.asked.arguments)
