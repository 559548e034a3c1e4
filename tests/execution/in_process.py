"""A call without bus, edge and workers: the agents' prompts go to the model, its tool calls to the app's tools."""

from dataclasses import dataclass, field
from typing import Any

from orchestra.agents.app import App
from orchestra.agents.autogen.toolset import AgentToolset
from orchestra.agents.router import Router
from orchestra.agents.tool import ToolContext
from orchestra.execution.models import Model, ModelAnswer, TextDelta
from orchestra.execution.models.offline import OfflineModel
from orchestra_schemas import Message, PromptRequested, ToolCall, ToolSchema

_MAX_STEPS = 6
#: a Monday at noon
MONDAY = 1793620800.0


@dataclass(frozen=True)
class Answered:
    """What one turn came to: who answered, what was called on the way, what was said."""

    agent: str
    calls: tuple[ToolCall, ...]
    reply: str

    @property
    def actions(self) -> tuple[str, ...]:
        return tuple(call.name for call in self.calls)

    @property
    def tools(self) -> tuple[str, ...]:
        """The actions without the handoffs."""
        return tuple(name for name in self.actions if not name.startswith("transfer_to_"))


@dataclass
class CallInProcess:
    """One call; `say` plays one turn. With ``routed`` the app's router moves the call first, as in production."""

    app: App
    resources: Any = None
    agent: str = ""
    routed: bool = False
    model: Model = field(default_factory=OfflineModel)
    messages: list[Message] = field(default_factory=list)
    turn: int = 0

    def __post_init__(self) -> None:
        self.agent = self.agent or self.app.entry
        if self.app.greeting:
            self.messages.append(Message(role="assistant", content=self.app.greeting))

    async def say(self, text: str) -> Answered:
        self.turn += 1
        self.messages.append(Message(role="user", content=text))
        if self.routed:
            self.agent = _parts(self.app)[1].route(text, self.agent)
        calls: list[ToolCall] = []
        for step in range(_MAX_STEPS):
            answer = await self._ask(step + 1)
            self.messages.append(Message(role="assistant", content=answer.text, tool_calls=answer.tool_calls))
            if not answer.tool_calls:
                return Answered(self.agent, tuple(calls), answer.text)
            for call in answer.tool_calls:
                calls.append(call)
                result = await self._run(call)
                self.messages.append(Message(role="tool", name=call.name, tool_call_id=call.id, content=result))
        msg = f"no answer after {_MAX_STEPS} steps: {[call.name for call in calls]}"
        raise AssertionError(msg)

    def interrupted(self, heard: str) -> None:
        """The caller spoke over the last reply and heard only this of it."""
        self.messages[-1] = Message(role="assistant", content=f"{heard} —")

    def prompt(self, step: int = 1) -> PromptRequested:
        """What the model is asked now."""
        instructions = self.app.team[self.agent].instructions(self.app.language)
        return PromptRequested(
            call="00-test",
            agent=self.agent,
            step=step,
            at=MONDAY,
            language=self.app.language,
            messages=(Message(role="system", content=instructions), *self.messages),
            tools=tools_of(self.app, self.agent),
        )

    async def _ask(self, step: int) -> ModelAnswer:
        text = ""
        async for part in self.model.stream(self.prompt(step)):
            if isinstance(part, TextDelta):
                text += part.text
            else:
                assert part.text == text
                return part
        msg = "the model gave no answer"
        raise AssertionError(msg)

    async def _run(self, call: ToolCall) -> str:
        if call.name.startswith("transfer_to_"):
            self.agent = call.name.removeprefix("transfer_to_")
            return f"Transferred to {self.agent}, adopting the role of {self.agent} immediately."
        context = ToolContext(
            call="00-test",
            turn=self.turn,
            idempotency_key=f"{self.turn}.{call.id}",
            agent=self.agent,
            caller_number="+15550001",
            resources=self.resources,
        )
        return await self.app.tools[call.name].run(call.arguments, context)


def tools_of(app: App, agent: str) -> tuple[ToolSchema, ...]:
    """The tools of an agent as its model sees them, handoffs included."""
    handoffs = (_parts(app)[0].schemas_in(app.speaks.first)[f"transfer_to_{name}"] for name in app.team[agent].handoffs)
    return (*(tool.schema_in(app.speaks.first) for tool in app.tools_of(app.team[agent])), *handoffs)


def _parts(app: App) -> tuple[AgentToolset, Router]:
    """What is made once of an app; kept on it, as its own cached parts are."""
    parts: tuple[AgentToolset, Router] = vars(app).setdefault("_parts", None) or (AgentToolset(app), Router(app))
    vars(app)["_parts"] = parts
    return parts
