"""The workers that test_ask_survives.py runs as processes and kills. The tool records its effects in $DOOMED_FILE."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from orchestra.agents import Agent, App, ToolContext, tool
from orchestra.agents.capture import Digits, ask
from orchestra.agents.handlers import Orchestration
from orchestra.execution.handlers import Execution
from orchestra.execution.models import ModelAnswer, ModelRegistry, TextDelta
from orchestra.settings import Settings
from orchestra_schemas import PromptRequested, ToolCall

PARCEL = ask(Digits(4), "Which parcel is it?", name="ask_parcel")


@tool(needs=(PARCEL,))
def send(context: ToolContext) -> str:
    """Send a parcel again."""
    with Path(os.environ["DOOMED_FILE"]).open("a", encoding="utf-8") as file:
        file.write(f"{context.call_state['ask_parcel']}\n")
    return "sent"


class Sender:
    """Sends the parcel, and says so."""

    name = "sender"

    async def stream(self, prompt: PromptRequested) -> AsyncIterator[TextDelta | ModelAnswer]:
        if prompt.messages[-1].role == "user":
            yield ModelAnswer(tool_calls=(ToolCall(id="c1", name="send", arguments="{}"),), finish_reason="tool_calls")
            return
        yield TextDelta("It is sent.")
        yield ModelAnswer(text="It is sent.")

    async def close(self) -> None:
        return


@asynccontextmanager
async def models(_: Settings) -> AsyncIterator[ModelRegistry]:
    yield ModelRegistry("sender", lambda _: Sender())


app = App(name="asks", agents=(Agent(name="desk", about="sends", prompt="You send.", tools=(send,)),), entry="desk")
orchestration = Orchestration(app).consumer
execution = Execution(app, models).consumer
