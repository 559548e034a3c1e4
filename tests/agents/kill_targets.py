"""The workers that test_kill.py runs as processes and kills. The tool records its effects in the file $DOOMED_FILE."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from orchestra.agents import Agent, App, ToolContext, tool
from orchestra.agents.handlers import Orchestration
from orchestra.execution.handlers import Execution
from orchestra.execution.models import ModelAnswer, ModelRegistry, TextDelta
from orchestra.settings import Settings
from orchestra_schemas import PromptRequested, ToolCall

PIECE_S = 0.03
ANSWER = "It is booked. The van comes on Friday. Good-bye."


@tool
def book(day: str, context: ToolContext) -> str:
    """Book a day."""
    with Path(os.environ["DOOMED_FILE"]).open("a", encoding="utf-8") as file:
        file.write(f"{context.idempotency_key}\n")
    time.sleep(PIECE_S)
    return f"booked {day}"


class SlowModel:
    """Waits before every word."""

    name = "slow"

    async def stream(self, prompt: PromptRequested) -> AsyncIterator[TextDelta | ModelAnswer]:
        await asyncio.sleep(PIECE_S)
        if prompt.messages[-1].role == "user":
            day = prompt.messages[-1].content.removeprefix("book ")
            call = ToolCall(id="c1", name="book", arguments=f'{{"day":"{day}"}}')
            yield ModelAnswer(tool_calls=(call,), finish_reason="tool_calls")
            return
        for word in ANSWER.split(" "):
            await asyncio.sleep(PIECE_S)
            yield TextDelta(f"{word} ")
        yield ModelAnswer(text=ANSWER)

    async def close(self) -> None:
        return


@asynccontextmanager
async def models(_: Settings) -> AsyncIterator[ModelRegistry]:
    yield ModelRegistry("slow", lambda _: SlowModel())


app = App(name="doomed", agents=(Agent(name="desk", about="books", prompt="You book.", tools=(book,)),), entry="desk")
orchestration = Orchestration(app).consumer
execution = Execution(app, models).consumer
