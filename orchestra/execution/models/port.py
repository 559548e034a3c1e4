"""The port of language models: what execution asks of one, whoever runs it."""

from collections.abc import AsyncIterator
from typing import Protocol

import msgspec

from orchestra_schemas import PromptRequested, ToolCall


class TextDelta(msgspec.Struct, frozen=True):
    """Some more text of the answer, as it comes: anything from a letter to a paragraph."""

    text: str


class ModelAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The end of an answer.

    ``text`` is the whole text, all deltas joined. Tokens as the model's server counted them, 0 where it did not.
    """

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Model(Protocol):
    """A language model that streams."""

    name: str

    def stream(self, prompt: PromptRequested) -> AsyncIterator[TextDelta | ModelAnswer]:
        """Deltas as they come, then exactly one `ModelAnswer`.

        Closing the iterator, or cancelling the task that reads it, ends the work on the model's side too.

        Raises:
            EngineError: the model failed to answer, or broke off.

        """
        ...

    async def close(self) -> None:
        """Give back connections and memory."""
        ...
