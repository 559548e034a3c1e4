"""Tools and memory as AutoGen sees them."""

# ruff: noqa: D102 - the methods are described by the classes of AutoGen that they implement

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from autogen_core import CancellationToken
from autogen_core.model_context import ChatCompletionContext
from autogen_core.models import LLMMessage
from autogen_core.tools import TextResultContent, ToolResult, Workbench
from autogen_core.tools import ToolSchema as AutoGenToolSchema

from orchestra.agents.autogen.messages import from_autogen, to_autogen
from orchestra.agents.conversation import STILL_RUNNING
from orchestra.agents.tool import read_arguments

if TYPE_CHECKING:
    from orchestra.agents.autogen.turn import AgentTurn


#: the end of a handoff's name that AutoGen is not to follow
REFUSED_SUFFIX = "__refused"
_NOT_JUDGED = "Not done: call it again."


class ToolBench(Workbench):
    """The tools of the agent that speaks, as AutoGen sees them; they run in another process."""

    component_type = "workbench"

    def __init__(self, turn: "AgentTurn") -> None:
        self._turn = turn

    async def list_tools(self) -> list[AutoGenToolSchema]:
        return self._turn.toolset.tools[self._turn.agent]

    async def call_tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
        call_id: str | None = None,
    ) -> ToolResult:
        """Publish the call as `ToolRequested` and await its `ToolCompleted`; it may have been refused already.

        Nothing is raised but the cancellation of the agent's own task: AutoGen hangs for ever on an error here, and on
        a call that its token cut off (microsoft/autogen#7956). So the agent is told that the tool is still running.
        """
        del arguments  # what runs is the call as it was judged, not what AutoGen makes of it
        turn = self._turn
        refused = turn.refused.get(call_id or "")
        if refused is not None:
            return _tool_result(name, refused.result, failed=True)
        call = turn.made.get(call_id or "")
        if call is None or call.name != name:
            return _tool_result(name, _NOT_JUDGED, failed=True)
        written = msgspec.json.encode(read_arguments(name, call.arguments)).decode()
        call = msgspec.structs.replace(call, arguments=written)
        asked = asyncio.ensure_future(turn.requests.tool(turn.toolset.agents[turn.agent], call))
        (cancellation_token or turn.token).link_future(asked)
        try:
            answer = await asked
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return _tool_result(name, STILL_RUNNING, failed=True)
        except Exception as error:  # noqa: BLE001 - raising here hangs AutoGen; the next prompt raises it
            turn.broken = error
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
    """The call's memory as AutoGen sees it: what was said before, and what this turn adds."""

    def __init__(self, turn: "AgentTurn") -> None:
        super().__init__()
        self._turn = turn

    async def get_messages(self) -> list[LLMMessage]:
        return list(to_autogen((*self._turn.notes, *self._turn.history, *self._turn.said)))

    async def add_message(self, message: LLMMessage) -> None:
        self._turn.said += (
            self._turn.restore_handoff_name(said)
            for said in from_autogen([message])
            if said.role != "assistant" or said.content or said.tool_calls
        )


def _tool_result(name: str, text: str, *, failed: bool) -> ToolResult:
    return ToolResult(name=name, result=[TextResultContent(content=text)], is_error=failed)
