"""The beginning of a turn in which the caller was asked for a value: code understands the answer, without a model."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import msgspec
import phonenumbers

from orchestra.agents.autogen.requests import Requests
from orchestra.agents.autogen.state import TurnState
from orchestra.agents.autogen.toolset import AgentToolset
from orchestra.agents.builtin import collect_digits, transfer_call
from orchestra.agents.capture.dialogue import Asked, Captured, Declined, GivenUp, KeysWanted, PendingCapture, Step
from orchestra.agents.capture.kinds import Setting
from orchestra.agents.capture.secret_step import SecretAnswer, SecretStep, said_in
from orchestra.agents.capture.tool import CaptureTool
from orchestra.agents.transfer_tool import PERSON, TransferTool
from orchestra.language import find_language
from orchestra.language.values import values_of
from orchestra_schemas import SECRET, Message, ToolCall, ToolCompleted

_DECLINED = (
    "Not given: the caller does not know it, will not say it, or wants something else. Do not ask again at once."
)
_GIVEN_UP = "Not understood after several tries. Do not ask for it again; help in another way."

Run = Callable[[ToolCall], Awaitable[ToolCompleted]]


class CaptureStep:
    """Goes on with the capture of a turn's context.

    Args:
        state: the turn.
        toolset: the app's tools.
        requests: speaks with the caller.
        run: has a tool run.

    """

    def __init__(self, state: TurnState, toolset: AgentToolset, requests: Requests, run: Run) -> None:
        self._state = state
        self._toolset = toolset
        self._requests = requests
        self._run = run
        self._calls = 0

    async def take(self, pending: PendingCapture) -> bool:
        """Understand the caller's words; whether the turn is over with what was said to them.

        Raises:
            EngineError: a tool could not be asked for.

        """
        tool = self._toolset.app.tools.get(pending.tool)
        if not isinstance(tool, CaptureTool):  # another version of the app has no such tool
            return False
        setting = self._setting()
        # in the language of this turn, which may be another than that of the last one
        pending = msgspec.structs.replace(pending, question=tool.question_in(self._state.context.language))
        step = await self._step(tool, pending, setting)
        if isinstance(step, KeysWanted):
            pending = step.pending
            step = await self._step(tool, pending, setting, keyed=await self._keys(step.say, tool))
        match step:
            case Asked(say, asked):
                self._ask(say, asked)
                return True
            case Captured(value):
                await self._finish(pending, tool, value)
            case Declined():
                self._result(tool, "{}", _DECLINED)
            case GivenUp():
                return await self._give_up(pending, tool)
        return False

    async def _step(
        self, tool: CaptureTool, pending: PendingCapture, setting: Setting, *, keyed: str | None = None
    ) -> Step:
        """What follows from the caller's words, or from the keys that they have pressed."""
        context = self._state.context
        if tool.secret:
            return await self._secret_step(tool, pending, setting, keyed)
        if keyed is not None:
            return tool.dialogue.keyed(pending, keyed, setting)
        return tool.dialogue.advance(pending, " ".join(text for _, text in context.captured), setting)

    async def _secret_step(
        self, tool: CaptureTool, pending: PendingCapture, setting: Setting, keyed: str | None
    ) -> Step:
        """The same, understood by execution: here nobody knows what the caller has said."""
        context = self._state.context
        answer = SecretAnswer(
            turn=context.turn,
            pending=msgspec.structs.replace(pending, then=None),
            said=said_in(context.captured) if keyed is None else (),
            keyed=keyed,
            today=setting.today,
            country=setting.country,
        )
        completed = await self._run(self._call(tool.name, msgspec.to_builtins(answer)))
        if completed.failed:
            return GivenUp()
        step = msgspec.json.decode(completed.result, type=SecretStep).as_step()
        if isinstance(step, Asked | KeysWanted):
            step = type(step)(step.say, msgspec.structs.replace(step.pending, then=pending.then))
        return step

    def _setting(self) -> Setting:
        context = self._state.context
        return Setting(
            values_of(self._state.context.language),
            datetime.fromtimestamp(context.at).astimezone().date(),
            _country(context.caller_number),
        )

    def _ask(self, say: str, asked: PendingCapture) -> None:
        state = self._state
        spoken = find_language(state.context.language, reads_out=self._toolset.reads_out).to_speech(say)
        state.capture = msgspec.structs.replace(asked, turn=state.context.turn, said=spoken)
        self._say(spoken, asked)

    def _say(self, spoken: str, asks: PendingCapture | None = None) -> None:
        self._requests.say(self._toolset.agents[self._state.agent], spoken, self._state.messages, asks)
        self._state.said.append(Message(role="assistant", content=spoken))

    async def _keys(self, say: str, tool: CaptureTool) -> str:
        """The keys that the caller presses, or, if they are secret, the id of the request; empty if there are none."""
        arguments = {"question": say, "length": tool.kind.key_count}
        completed = await self._run(self._call(collect_digits.name, arguments))
        if completed.result == SECRET:
            return completed.request
        return completed.result if completed.result.isdigit() and not completed.failed else ""

    async def _finish(self, pending: PendingCapture, tool: CaptureTool, value: str) -> None:
        """The agent gets the value as the tool's result; or the tool that waits for it is called.

        A secret value has been noted by the step that understood it: the agent gets what stands for it.
        """
        if tool.secret:
            self._result(tool, "{}", value)
        else:
            call = self._call(tool.name, {"value": value})
            completed = await self._run(call)
            self._result(tool, call.arguments, completed.result, call.id)
        self._state.agreed = pending.then

    async def _give_up(self, pending: PendingCapture, tool: CaptureTool) -> bool:
        """A person gets the caller, if there is one for them; else the agent goes on."""
        app = self._toolset.app
        transfer = app.tools.get(transfer_call.name)
        if not (tool.to_person and app.transfer_target and transfer is not None):
            self._result(tool, "{}", _GIVEN_UP)
            return False
        phrases = find_language(self._state.context.language).phrases
        arguments = {"briefing": phrases.not_understood.format(question=pending.question)}
        to = {"to": PERSON} if isinstance(transfer, TransferTool) else {}
        call = self._call(transfer_call.name, {**arguments, **to})
        completed = await self._run(call)
        self._result(transfer, call.arguments, completed.result, call.id)
        if completed.failed:
            return False
        self._say(phrases.transferring)
        return True

    def _call(self, name: str, arguments: dict[str, Any]) -> ToolCall:
        """A call with an id that strict servers take: nine letters or digits."""
        self._calls += 1
        call_id = f"v{self._state.context.turn % 10**7:07d}{self._calls}"
        return ToolCall(id=call_id, name=name, arguments=msgspec.json.encode(arguments).decode())

    def _result(self, tool: Any, arguments: str, result: str, call_id: str = "") -> None:
        """What the agent knows of it: a call of the tool, with its result."""
        call = ToolCall(id=call_id or self._call(tool.name, {}).id, name=tool.name, arguments=arguments)
        self._state.said += [
            Message(role="assistant", tool_calls=(call,)),
            Message(role="tool", name=tool.name, content=result, tool_call_id=call.id),
        ]
        self._state.last_calls = {(tool.name, "{}")}


def _country(number: str) -> str:
    """The country of a caller's number; empty if it has none."""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(number)) or ""
    except phonenumbers.NumberParseException:
        return ""
