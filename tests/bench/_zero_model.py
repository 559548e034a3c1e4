"""The execution worker of the benchmarks, with a model that answers at once, so that only our own time is left."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from orchestra.execution.handlers import Execution
from orchestra.execution.models import ModelAnswer, ModelRegistry, TextDelta
from orchestra.settings import Settings
from orchestra_schemas import PromptRequested, ToolCall

#: these words get an answer without a tool
PLAIN = "And until when could I come by?"
#: these make the model look up the parcel first
WITH_TOOL = "Where is my parcel 4271?"
_ANSWER = "It is open until eight in the evening. Is there anything else that I can do for you?"


class ZeroModel:
    """Looks up the parcel when asked where it is, and says two sentences, word by word, without waiting."""

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
        """Nothing to close."""


@asynccontextmanager
async def _models(settings: Settings) -> AsyncIterator[ModelRegistry]:
    del settings
    yield ModelRegistry("zero", lambda _: ZeroModel())


consumer = Execution(models=_models).consumer
