"""The model as AutoGen sees it."""

# ruff: noqa: D102 - the methods are described by the classes of AutoGen that they implement

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from autogen_core import CancellationToken, FunctionCall
from autogen_core.models import ChatCompletionClient, CreateResult, LLMMessage, ModelInfo, RequestUsage
from autogen_core.tools import Tool
from autogen_core.tools import ToolSchema as AutoGenToolSchema
from pydantic import BaseModel

from orchestra.agents.autogen.messages import followed_name, from_autogen
from orchestra.agents.autogen.next_step import Ask, Call, Say, next_step
from orchestra.agents.autogen.requests import Requests, ToolChoice
from orchestra.agents.autogen.state import TurnState
from orchestra.agents.autogen.tool_calls import guarded_calls, usable_calls
from orchestra.agents.autogen.toolset import AgentToolset
from orchestra.errors import EngineError
from orchestra_schemas import Message, PromptCompleted, ToolCall, ToolSchema


class PromptClient(ChatCompletionClient):
    """A model, as AutoGen sees it; the real one is asked in another process, which speaks its words as they come.

    Attributes:
        prefetched: the answer to the first prompt, until AutoGen asks for it.

    """

    component_type = "model"

    def __init__(
        self, state: TurnState, toolset: AgentToolset, requests: Requests, cancellation_token: CancellationToken
    ) -> None:
        self._state = state
        self._toolset = toolset
        self._requests = requests
        self._token = cancellation_token
        self._usage = RequestUsage(prompt_tokens=0, completion_tokens=0)
        self.prefetched: asyncio.Future[PromptCompleted] | None = None

    def prefetch(self, messages: tuple[Message, ...], offered: tuple[ToolSchema, ...]) -> None:
        """Ask what AutoGen will ask first, before it is built: the caller waits for the answer."""
        self.prefetched = self._ask(messages, offered, "auto")

    async def create(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[Tool | AutoGenToolSchema] = (),
        tool_choice: Tool | ToolChoice = "auto",
        json_output: bool | type[BaseModel] | None = None,  # noqa: ARG002
        extra_create_args: Mapping[str, Any] = {},  # noqa: ARG002
        cancellation_token: CancellationToken | None = None,  # noqa: ARG002 - it is the turn's
    ) -> CreateResult:
        """Do what `next_step` says; to ask is to publish a `PromptRequested` and await its `PromptCompleted`.

        Raises:
            asyncio.CancelledError: the turn was cancelled: AutoGen goes on to the next prompt after a cancelled tool.
            EngineError: the model has failed and there is nothing to say.

        """
        state = self._state
        if state.error is not None:
            raise state.error
        if self._token.is_cancelled():
            raise asyncio.CancelledError
        schemas = self._toolset.schemas_in(state.context.language)
        offered = tuple(schemas[_name(tool)] for tool in tools)
        names = [tool.name for tool in offered]
        step = next_step(state, names)
        match step:
            case Say(text):
                state.say_instead = ""
                self._requests.say(self._toolset.agents[state.agent], text, state.messages, state.capture)
                return self._result(text, ())
            case Call(call):
                state.agreed = None
                return self._result("", guarded_calls(state, self._toolset, (call,), names))
            case Ask(offer_tools):
                state.agreed = None  # to a call that this agent cannot make
                choice: ToolChoice = tool_choice if isinstance(tool_choice, str) else "required"
                return await self._answer(messages, offered if offer_tools else (), choice)
            case _:
                return self._result("", ())

    async def _answer(
        self, messages: Sequence[LLMMessage], offered: tuple[ToolSchema, ...], choice: ToolChoice
    ) -> CreateResult:
        """The model's answer, with the calls that are really made."""
        state = self._state
        prefetched, self.prefetched = self.prefetched, None
        answer = await (prefetched or self._ask(tuple(from_autogen(messages)), offered, choice))
        if answer.error:
            if answer.text:
                state.apologized = True
                state.said.append(Message(role="assistant", content=answer.text))
            raise EngineError(answer.error)
        names = [tool.name for tool in offered]
        usable = usable_calls(state, self._toolset, answer.tool_calls, names)
        calls = guarded_calls(state, self._toolset, usable, names)
        if not calls and not answer.text:
            msg = f"prompt {answer.request} has no answer: {answer.finish_reason}"
            raise EngineError(msg)
        self._usage = RequestUsage(
            prompt_tokens=self._usage.prompt_tokens + answer.prompt_tokens,
            completion_tokens=self._usage.completion_tokens + answer.completion_tokens,
        )
        return self._result(answer.text, calls)

    def _ask(
        self, messages: tuple[Message, ...], offered: tuple[ToolSchema, ...], choice: ToolChoice
    ) -> asyncio.Future[PromptCompleted]:
        """The answer to a prompt, which is published at once."""
        self._state.prompts += 1
        agent = self._toolset.agents[self._state.agent]
        asked = asyncio.ensure_future(self._requests.prompt(agent, messages, offered, choice if offered else "none"))
        self._token.link_future(asked)
        return asked

    def _result(self, text: str, calls: Sequence[ToolCall]) -> CreateResult:
        content: str | list[FunctionCall] = text
        if calls:
            refused = self._state.refused
            content = [
                FunctionCall(id=call.id, name=followed_name(call, refused), arguments=call.arguments) for call in calls
            ]
        return CreateResult(
            finish_reason="function_calls" if calls else "stop",
            content=content,
            thought=(text or None) if calls else None,
            usage=self._usage,
            cached=False,
        )

    async def create_stream(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[Tool | AutoGenToolSchema] = (),
        tool_choice: Tool | ToolChoice = "auto",
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] = {},
        cancellation_token: CancellationToken | None = None,
    ) -> AsyncGenerator[str | CreateResult, None]:
        """The result of `create` as a stream of one piece: the words themselves go straight to the edge."""
        yield await self.create(
            messages,
            tools=tools,
            tool_choice=tool_choice,
            json_output=json_output,
            extra_create_args=extra_create_args,
            cancellation_token=cancellation_token,
        )

    async def close(self) -> None:
        return

    def actual_usage(self) -> RequestUsage:
        return self._usage

    def total_usage(self) -> RequestUsage:
        return self._usage

    def count_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[Tool | AutoGenToolSchema] = ()) -> int:  # noqa: ARG002
        return sum(len(str(message.content)) for message in messages) // 4

    def remaining_tokens(
        self, messages: Sequence[LLMMessage], *, tools: Sequence[Tool | AutoGenToolSchema] = ()
    ) -> int:
        return 128_000 - self.count_tokens(messages, tools=tools)

    @property
    def capabilities(self) -> Any:  # deprecated, and still abstract
        return self.model_info

    @property
    def model_info(self) -> ModelInfo:
        return ModelInfo(
            vision=False,
            function_calling=True,
            json_output=False,
            structured_output=False,
            family="unknown",
            multiple_system_messages=True,
        )


def _name(tool: Tool | AutoGenToolSchema) -> str:
    return tool["name"] if isinstance(tool, dict) else tool.name
