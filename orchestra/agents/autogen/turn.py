"""One turn of the agents: they are built, asked, hand off to one another, and are stopped."""

import asyncio

import msgspec
from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.messages import HandoffMessage
from autogen_core import CancellationToken

from orchestra.agents.autogen.capture_step import CaptureStep
from orchestra.agents.autogen.client import PromptClient
from orchestra.agents.autogen.next_step import PROMPTS
from orchestra.agents.autogen.requests import Requests
from orchestra.agents.autogen.state import TurnState
from orchestra.agents.autogen.toolset import AgentToolset
from orchestra.agents.autogen.workbench import CallContext, ToolBench, with_notes
from orchestra.agents.capture.dialogue import PendingCapture
from orchestra.agents.judged_agreement import JUDGEMENT, is_agreed, judgement_of
from orchestra.agents.tool_guard import TurnContext
from orchestra.call_variables import in_prompt
from orchestra.language import find_language
from orchestra.language.utterance import has_words
from orchestra_schemas import Message, ToolCall, ToolCompleted

#: how often the caller may be handed off in one turn
_HANDOFFS = 2
#: how long building AutoGen waits while the prompt is on its way, which needs the core more urgently
_OTHERS_FIRST_S = 0.005


class AgentTurn:
    """One turn: from the caller's words to the agents' last.

    Attributes:
        state: what is known of the turn.
        over: the agents have ended their work.

    """

    def __init__(
        self, toolset: AgentToolset, requests: Requests, context: TurnContext, *, caller_said: Message
    ) -> None:
        self.state = TurnState(
            context=context,
            said=[caller_said],
            agent=context.agent,
            agents={context.agent},
            agreed=_agreed_call(context),
        )
        self.over = False
        self._unclear = _is_unclear(context)
        self._toolset = toolset
        self._requests = requests
        self._token = CancellationToken()
        self._client = PromptClient(self.state, toolset, requests, self._token)

    def prefetch(self) -> None:
        """Ask what the agent will ask first, before AutoGen is built to ask it: the caller waits for the answer.

        Nothing is asked where the caller has agreed to a tool call, or may have, or was asked for a value: then there
        is no such question.
        """
        state = self.state
        if state.agreed is None and not self._unclear and state.context.capture is None:
            messages = (Message(role="system", content=self._instructions), *with_notes(state))
            targets, language = self._handoff_targets(), state.context.language
            self._client.prefetch(messages, self._toolset.offered(state.agent, targets, language))

    def cancel(self) -> None:
        """Stop at the next moment at which the agents wait."""
        self._token.cancel()

    async def run(self) -> bool:
        """Let the agents work until they have answered: True, or were cancelled: False.

        Raises:
            EngineError: a prompt failed, or gave no answer.
            OrchestraError: a step could not be asked for.

        """
        state = self.state
        try:
            if self._unclear:
                await self._judge_answer()
            if self._client.prefetched is not None:
                await asyncio.wait({self._client.prefetched}, timeout=_OTHERS_FIRST_S)
            if state.context.capture is not None and await self._captures(state.context.capture):
                return True
            while True:
                response = await self._build().on_messages([], self._token)
                if not isinstance(response.chat_message, HandoffMessage):
                    return True
                previous = state.agent
                state.hand_off(response.chat_message.target)
                self._requests.hand_off(state.agent, previous)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self._token.is_cancelled() or (task is not None and task.cancelling()):
                raise
            return False
        finally:
            self.over = True
            self._token.cancel()  # whatever AutoGen still waits for

    async def _judge_answer(self) -> None:
        """Have the model judge whether the caller has agreed; if so, the tool call is made before it is asked more."""
        state, asked = self.state, self.state.context.asked
        if asked is None:
            return
        agent = self._toolset.agents[state.agent]
        messages = judgement_of(asked, state.context.answer)
        judged = asyncio.ensure_future(self._requests.prompt(agent, messages, (JUDGEMENT,), "required", silent=True))
        self._token.link_future(judged)
        if is_agreed(await judged):
            state.context = msgspec.structs.replace(state.context, agreed=True)
            state.agreed = _call_of(state.context)

    async def _captures(self, pending: PendingCapture) -> bool:
        """Whether the caller, who was asked for a value, hears nothing more in this turn than what code tells them."""
        step = CaptureStep(self.state, self._toolset, self._requests, self._run_tool)
        return await step.take(pending)

    async def _run_tool(self, call: ToolCall) -> ToolCompleted:
        asked = asyncio.ensure_future(self._requests.tool(self._toolset.agents[self.state.agent], call))
        self._token.link_future(asked)
        return await asked

    def _handoff_targets(self) -> list[str]:
        """The agents to whom the one that speaks may hand off now."""
        if len(self.state.agents) > _HANDOFFS:
            return []
        return [name for name in self._toolset.agents[self.state.agent].handoffs if name not in self.state.agents]

    @property
    def _instructions(self) -> str:
        """As they are when the turn begins: every prompt is asked with those of the call's language at that moment."""
        context = self.state.context
        return in_prompt(self._toolset.agents[self.state.agent].instructions(context.language), context.variables)

    def _build(self) -> AssistantAgent:
        state, toolset = self.state, self._toolset
        return AssistantAgent(
            state.agent,
            self._client,
            workbench=ToolBench(state, toolset, self._requests, self._token),
            handoffs=[toolset.handoffs[name] for name in self._handoff_targets()],
            model_context=CallContext(state),
            system_message=self._instructions,
            max_tool_iterations=PROMPTS,
        )


def _agreed_call(context: TurnContext) -> ToolCall | None:
    """The tool call that the caller was asked about, if they have said yes and nothing more."""
    return _call_of(context) if find_language(context.language).simply_agrees(context.answer) else None


def _is_unclear(context: TurnContext) -> bool:
    """Whether only the model can tell if the caller has agreed to what they were asked."""
    if context.asked is None or not has_words(context.answer):
        return False
    return find_language(context.language).agrees(context.answer) is None


def _call_of(context: TurnContext) -> ToolCall | None:
    """The tool call that the caller was asked about."""
    if context.asked is None:
        return None
    return ToolCall(id=f"y{context.turn % 100_000_000:08d}", name=context.asked.tool, arguments=context.asked.arguments)
