"""The model as AutoGen sees it."""

# ruff: noqa: D102 - the methods are described by the classes of AutoGen that they implement

import asyncio
import json
from collections.abc import AsyncGenerator, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import structlog
from autogen_core import CancellationToken, FunctionCall
from autogen_core.models import ChatCompletionClient, CreateResult, LLMMessage, ModelInfo, RequestUsage
from autogen_core.tools import Tool
from autogen_core.tools import ToolSchema as AutoGenToolSchema
from pydantic import BaseModel

from orchestra.agents.arguments import tool_name
from orchestra.agents.autogen.messages import from_autogen
from orchestra.agents.autogen.workbench import REFUSED_SUFFIX
from orchestra.agents.tool_guard import HANDOFF, Refusal
from orchestra.errors import EngineError
from orchestra_schemas import Message, ToolCall

if TYPE_CHECKING:
    from orchestra.agents.autogen.turn import AgentTurn

_LOG = structlog.get_logger("orchestra.agents")

#: prompts of one turn, the last of them without tools: so no turn calls tools for ever
PROMPTS = 6
#: tool calls of one answer, and of one turn
CALLS = 8
CALLS_OF_TURN = 16
_REPEATED = Refusal(result="Not done: the same call has just been made, and its result stands above.")

ToolChoice = Literal["auto", "none", "required"]


class PromptClient(ChatCompletionClient):
    """A model, as AutoGen sees it; the real one is asked in another process, which speaks its words while they come."""

    component_type = "model"

    def __init__(self, turn: "AgentTurn") -> None:
        self._turn = turn
        self._usage = RequestUsage(prompt_tokens=0, completion_tokens=0)

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
        """Publish the prompt as `PromptRequested` and await its `PromptCompleted`.

        What is known without a model is answered at once: what a rule has said instead, the tool call that the caller
        agreed to, nothing behind last words. The last prompt that a turn may make, and one that only says good-bye, is
        offered no tools.

        Raises:
            asyncio.CancelledError: the turn was cancelled; the model must not be asked behind it.
            EngineError: the model has failed and there is nothing to say.

        """
        turn = self._turn
        if turn.broken is not None:
            raise turn.broken
        if turn.token.is_cancelled():
            raise asyncio.CancelledError
        offered = tuple(turn.toolset.schemas[_name(tool)] for tool in tools)
        known = self._known_without_asking([tool.name for tool in offered])
        if known is not None:
            return known
        choice: ToolChoice = tool_choice if isinstance(tool_choice, str) else "required"
        if turn.prompts == PROMPTS - 1 or turn.calls >= CALLS_OF_TURN or self._is_closing():
            offered = ()
        prefetched, turn.prefetched = turn.prefetched, None
        answer = await (prefetched or turn.ask(tuple(from_autogen(messages)), offered, choice))
        if answer.error:
            if answer.text:
                turn.apologized = True
                turn.said.append(Message(role="assistant", content=answer.text))
            raise EngineError(answer.error)
        names = [tool.name for tool in offered]
        calls = self._check(self._usable(answer.tool_calls, names), names)
        if not calls and not answer.text:
            msg = f"prompt {answer.request} has no answer: {answer.finish_reason}"
            raise EngineError(msg)
        self._usage = RequestUsage(
            prompt_tokens=self._usage.prompt_tokens + answer.prompt_tokens,
            completion_tokens=self._usage.completion_tokens + answer.completion_tokens,
        )
        return self._result(answer.text, calls)

    def _known_without_asking(self, offered: Sequence[str]) -> CreateResult | None:
        """What comes next where no model need be asked."""
        turn = self._turn
        if self._has_closed():
            return self._result("", ())
        if turn.say_instead:
            said, turn.say_instead = turn.say_instead, ""
            turn.requests.say(turn.toolset.agents[turn.agent], said)
            return self._result(said, ())
        if turn.agreed is not None:
            agreed, turn.agreed = turn.agreed, None
            if agreed.name in offered:
                return self._result("", self._check((agreed,), offered))
        return None

    def _closing_calls(self) -> int:
        """How many tools the last step ran, if all of them were of those after which only last words are said."""
        answers = []
        for message in reversed(self._turn.said):
            if message.role != "tool":
                break
            answers.append(message.name)
        return len(answers) if all(name in self._turn.toolset.closing for name in answers) else 0

    def _is_closing(self) -> bool:
        return self._closing_calls() > 0

    def _has_closed(self) -> bool:
        """The last words are said already, together with the call that ends it."""
        calls = self._closing_calls()
        return calls > 0 and bool(self._turn.said[-calls - 1].content)

    def _usable(self, calls: Sequence[ToolCall], offered: Collection[str]) -> tuple[ToolCall, ...]:
        """The calls that may be run: each once, with ids and names that any server takes back, and not too many.

        What the answer before this has done is not done again, unless that does no harm (an idempotent tool). At most
        one handoff is left, without arguments.
        """
        turn = self._turn
        taken = {call.id for message in (*turn.history, *turn.said) for call in message.tool_calls}
        most = min(CALLS, CALLS_OF_TURN - turn.calls)
        usable: dict[tuple[str, str], ToolCall] = {}
        for call in self._each(calls, offered) if offered else ():
            if len(usable) == most:
                _LOG.warning("calls.too_many", agent=turn.agent, turn=turn.number, calls=len(calls), most=most)
                break
            call_id = call.id if call.id and call.id not in taken else _own_id(turn.number, len(taken))
            if usable.setdefault(_key(call), msgspec.structs.replace(call, id=call_id)).id != call_id:
                continue
            taken.add(call_id)
            if _key(call) in turn.last_calls and call.name in turn.toolset.once:
                turn.refused[call_id] = _REPEATED
        return tuple(usable.values())

    def _each(self, calls: Sequence[ToolCall], offered: Collection[str]) -> Iterator[ToolCall]:
        """The calls by the names of the tools that are meant; one handoff of them at most."""
        handed = False
        for call in calls:
            name = tool_name(call.name, offered)
            is_handoff = name.startswith(HANDOFF)
            if not name or (is_handoff and handed):
                continue
            handed = handed or is_handoff
            yield ToolCall(id=call.id, name=name, arguments="{}" if is_handoff else call.arguments or "{}")

    def _check(self, calls: Sequence[ToolCall], offered: Sequence[str]) -> tuple[ToolCall, ...]:
        """The calls as they are to be made: counted, and remembered so that the next answer makes none again."""
        turn = self._turn
        judged = turn.check_calls(calls, offered)
        made = [call for call in calls if turn.refused.get(call.id, _REPEATED) == _REPEATED]
        turn.calls += len(calls)
        if made:
            turn.last_calls = set(map(_key, made))
        return judged

    def _followed(self, call: ToolCall) -> str:
        """The name under which AutoGen does with a call what was decided."""
        refused = call.id in self._turn.refused and call.name.startswith(HANDOFF)
        return call.name + REFUSED_SUFFIX if refused else call.name

    def _result(self, text: str, calls: Sequence[ToolCall]) -> CreateResult:
        content: str | list[FunctionCall] = text
        if calls:
            content = [FunctionCall(id=call.id, name=self._followed(call), arguments=call.arguments) for call in calls]
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


def _key(call: ToolCall) -> tuple[str, str]:
    """What two calls have in common that do the same."""
    try:
        return call.name, json.dumps(json.loads(call.arguments), sort_keys=True)
    except (ValueError, RecursionError):
        return call.name, call.arguments


def _own_id(turn: int, number: int) -> str:
    """An id that strict servers take: nine letters or digits."""
    return f"c{turn % 10_000:04d}{number % 10_000:04d}"


def _name(tool: Tool | AutoGenToolSchema) -> str:
    return tool["name"] if isinstance(tool, dict) else tool.name
