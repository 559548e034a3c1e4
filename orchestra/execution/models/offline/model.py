"""The offline model: the port for models, implemented with rules."""

import hashlib
import json
import re
from collections.abc import AsyncIterator

from orchestra.execution.models.offline.actions import Call
from orchestra.execution.models.offline.policy import decide
from orchestra.execution.models.port import ModelAnswer, TextDelta
from orchestra_schemas import PromptRequested, ToolCall

_WORD = re.compile(r"\S+\s*")


class OfflineModel:
    """Answers prompts deterministically, by rules and word statistics. It is not a language model.

    It chooses handoffs and tools by their names, descriptions and examples, fills their arguments from the caller's
    words by schema, asks for missing ones, and says the results of tools and passages of the knowledge. The prompt is
    all that it knows of the app. It understands English best; in other languages it has no small talk.
    """

    name = "offline"

    async def stream(self, prompt: PromptRequested) -> AsyncIterator[TextDelta | ModelAnswer]:
        """The reply word by word and then the answer, or the answer with one tool call."""
        action = decide(prompt)
        size = sum(len(message.content) for message in prompt.messages) // 4
        if isinstance(action, Call):
            arguments = json.dumps(action.arguments)
            mark = f"{len(prompt.messages)} {action.tool} {arguments}"
            call_id = f"call_{hashlib.sha256(mark.encode()).hexdigest()[:16]}"
            call = ToolCall(id=call_id, name=action.tool, arguments=arguments)
            yield ModelAnswer(tool_calls=(call,), finish_reason="tool_calls", prompt_tokens=size, completion_tokens=1)
            return
        words = _WORD.findall(action.text)
        for word in words:
            yield TextDelta(word)
        yield ModelAnswer(text=action.text, prompt_tokens=size, completion_tokens=len(words))

    async def close(self) -> None:
        """Do nothing: it holds no resources."""
