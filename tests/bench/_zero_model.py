"""The execution worker of the benchmarks, with a model that answers at once: what is left is ours."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from orchestra.execution.handlers import Execution
from orchestra.execution.models import ModelAnswer, ModelRegistry, TextDelta
from orchestra.settings import Settings
from orchestra_schemas import PromptRequested, ToolCall

#: a caller who says this gets an answer without a tool
PLAIN = "And until when could I come by?"
#: and this one makes the model look the parcel up first
WITH_TOOL = "Where is my parcel 4271?"
_ANSWER = "It is open until eight in the evening. Is there anything else that I can do for you?"


class ZeroModel:
    """Looks the parcel up when it is asked where it is, and says two sentences, word by word, without waiting."""

    name = "zero"

    async def stream(self, prompt: PromptRequested) -> AsyncIterator[TextDelta | ModelAnswer]:
        """See `orchestra.execution.models.Model`."""
        last = prompt.messages[-1]
        if last.role == "user" and last.content == WITH_TOOL:
            call = ToolCall(id="", name="find_parcel", arguments='{"number":"4271"}')
            yield ModelAnswer(tool_calls=(call,), finish_reason="tool_calls")
            return
        for word in _ANSWER.split(" "):
            yield TextDelta(f"{word} ")
        yield ModelAnswer(text=_ANSWER)

    async def close(self) -> None:
        """Nothing is open."""


@asynccontextmanager
async def _models(settings: Settings) -> AsyncIterator[ModelRegistry]:
    del settings
    yield ModelRegistry("zero", lambda _: ZeroModel())


consumer = Execution(models=_models).consumer
