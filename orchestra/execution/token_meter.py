"""Counts the tokens of an answer while it is read: one that is stopped is charged, too."""

from math import ceil

import msgspec

from orchestra.execution.models import ModelAnswer, TextDelta
from orchestra_schemas import PromptRequested

#: characters of a token of English text, about
_TOKEN_CHARACTERS = 4


class TokenCount(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of a prompt and its answer; ``estimated``: from the text, as the server has not told its own count."""

    prompt: int = 0
    completion: int = 0
    estimated: bool = False


class TokenMeter:
    """The tokens of the answer that is being read.

    Attributes:
        model: name of the model that was asked last; empty before that.

    """

    def __init__(self) -> None:
        self.model = ""
        self._prompt: PromptRequested | None = None
        self._told = (0, 0)
        self._parts = self._characters = 0

    def ask(self, model: str, prompt: PromptRequested) -> None:
        """This model is asked now; what another one has answered before is forgotten."""
        self.model = model
        self._prompt = prompt
        self._told = (0, 0)
        self._parts = self._characters = 0

    def take(self, part: TextDelta | ModelAnswer) -> None:
        """A part of the answer has arrived."""
        self._told = (part.prompt_tokens or self._told[0], part.completion_tokens or self._told[1])
        self._parts += 1
        self._characters += len(part.text)

    @property
    def answering(self) -> bool:
        """Whether a part of the answer has arrived."""
        return self._parts > 0

    def count(self) -> TokenCount:
        """The tokens so far: the server's count if it tells one while it answers, otherwise estimated.

        A part is at least one token: servers send one or a few at a time, also of tool calls, which have no text here.
        """
        if self._prompt is None:
            return TokenCount()
        prompt, completion = self._told
        estimated = not prompt or (not completion and self.answering)
        if self.answering:
            completion = completion or max(self._parts, ceil(self._characters / _TOKEN_CHARACTERS))
        return TokenCount(prompt=prompt or _prompt_tokens(self._prompt), completion=completion, estimated=estimated)


def _prompt_tokens(prompt: PromptRequested) -> int:
    messages = sum(len(message.content) for message in prompt.messages)
    calls = sum(len(call.name) + len(call.arguments) for message in prompt.messages for call in message.tool_calls)
    tools = len(msgspec.json.encode(prompt.tools)) if prompt.tools else 0
    return ceil((messages + calls + tools) / _TOKEN_CHARACTERS)
