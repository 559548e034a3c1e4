"""Tools and memory as AutoGen sees them."""

# ruff: noqa: D102 - the methods are described by the classes of AutoGen that they implement

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
from autogen_core import CancellationToken
from autogen_core.model_context import ChatCompletionContext
from autogen_core.models import LLMMessage
from autogen_core.tools import TextResultContent, ToolResult, Workbench
from autogen_core.tools import ToolSchema as AutoGenToolSchema

from orchestra.agents.autogen.messages import from_autogen, restore_handoff_names, to_autogen
from orchestra.agents.autogen.requests import Requests
from orchestra.agents.autogen.state import TurnState
from orchestra.agents.autogen.toolset import AgentToolset
from orchestra.agents.caller_notes import as_message, as_whisper
from orchestra.agents.conversation import STILL_RUNNING
from orchestra.agents.tool import read_arguments
from orchestra_schemas import Message

_NOT_APPROVED = "Not done: call it again."


class ToolBench(Workbench):
    """The tools of the agent that speaks, as AutoGen sees them; they run in another process."""

    component_type = "workbench"

    def __init__(
        self, state: TurnState, toolset: AgentToolset, requests: Requests, cancellation_token: CancellationToken
    ) -> None:
        self._state = state
        self._toolset = toolset
        self._requests = requests
        self._token = cancellation_token

    async def list_tools(self) -> list[AutoGenToolSchema]:
        return self._toolset.tools[self._state.agent]

    async def call_tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
        call_id: str | None = None,
    ) -> ToolResult:
        """Publish the call as `ToolRequested` and await its `ToolCompleted`, unless it has been refused.

        Nothing is raised but the cancellation of the agent's own task: AutoGen hangs for ever on an error here, and on
        a call that its token cut off (microsoft/autogen#7956). The agent then hears that the tool is still running.
        """
        del arguments  # the call runs as it was approved, not as AutoGen reads it
        state = self._state
        refusal = state.refused.get(call_id or "")
        if refusal is not None:
            return _tool_result(name, refusal.result, failed=True)
        call = state.approved.get(call_id or "")
        if call is None or call.name != name:
            return _tool_result(name, _NOT_APPROVED, failed=True)
        written = msgspec.json.encode(read_arguments(name, call.arguments)).decode()
        call = msgspec.structs.replace(call, arguments=written)
        asked = asyncio.ensure_future(self._requests.tool(self._toolset.agents[state.agent], call))
        (cancellation_token or self._token).link_future(asked)
        try:
            answer = await asked
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return _tool_result(name, STILL_RUNNING, failed=True)
        except Exception as error:  # noqa: BLE001 - raising here hangs AutoGen; the next prompt raises it
            state.error = error
            return _tool_result(name, STILL_RUNNING, failed=True)
        return _tool_result(name, answer.result, failed=answer.failed)

    async def start(self) -> None:
        return

    async def stop(self) -> None:
        return

    async def reset(self) -> None:
        return

    async def save_state(self) -> Mapping[str, Any]:
        return {}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        del state


class CallContext(ChatCompletionContext):
    """The call's memory as AutoGen sees it: notes, what was said before, and what this turn adds."""

    def __init__(self, state: TurnState) -> None:
        super().__init__()
        self._state = state

    async def get_messages(self) -> list[LLMMessage]:
        return list(to_autogen(with_notes(self._state)))

    async def add_message(self, message: LLMMessage) -> None:
        self._state.said += (
            restore_handoff_names(said, self._state.refused)
            for said in from_autogen([message])
            if said.role != "assistant" or said.content or said.tool_calls
        )


def with_notes(state: TurnState) -> tuple[Message, ...]:
    """The conversation after the notes of the call; what operators whisper comes just before this turn's words."""
    context = state.context
    notes = (as_message(context.notes),) if context.notes else ()
    whispers = (as_whisper(context.whispers),) if context.whispers else ()
    return (*notes, *context.conversation, *whispers, *state.said)


def _tool_result(name: str, text: str, *, failed: bool) -> ToolResult:
    return ToolResult(name=name, result=[TextResultContent(content=text)], is_error=failed)
