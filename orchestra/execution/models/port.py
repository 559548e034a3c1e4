"""The port for language models."""

from collections.abc import AsyncIterator
from typing import Protocol

import msgspec

from orchestra_schemas import PromptRequested, ToolCall


class TextDelta(msgspec.Struct, frozen=True):
    """A piece of the answer's text as it arrives, from a letter to a paragraph.

    Tokens are those of the answer so far, where the server counts them while it answers, otherwise 0.
    """

    text: str
    prompt_tokens: int = 0
    completion_tokens: int = 0


class ModelAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The end of an answer.

    ``text`` is the whole text, all deltas joined. Tokens are those that the model's server counted, 0 if it did not.
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
        """Deltas as they arrive, then exactly one `ModelAnswer`.

        Closing the iterator, or cancelling the task that reads it, also stops the model.

        Raises:
            EngineError: the model failed to answer or broke off.

        """
        ...

    async def close(self) -> None:
        """Release connections and memory."""
        ...
