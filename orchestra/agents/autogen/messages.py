"""Messages of the platform as AutoGen's, and back."""

from collections.abc import Container, Iterator, Sequence
from functools import lru_cache
from typing import Final

import msgspec
from autogen_core import FunctionCall
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)

from orchestra.agents.tool_guard import HANDOFF
from orchestra_schemas import Message, ToolCall

#: messages of the active calls that are kept in AutoGen's form
_KNOWN: Final = 4096
#: ends the name of a refused handoff, so that AutoGen does not follow it
_REFUSED_SUFFIX: Final = "__refused"


def to_autogen(messages: Sequence[Message]) -> Iterator[LLMMessage]:
    """Messages as AutoGen's, where the answers to the tool calls of one message are one message."""
    answers: list[FunctionExecutionResult] = []
    for message in messages:
        if message.role == "tool":
            answers.append(
                FunctionExecutionResult(content=message.content, name=message.name, call_id=message.tool_call_id)
            )
            continue
        if answers:
            yield FunctionExecutionResultMessage(content=answers)
            answers = []
        yield _one(message)
    if answers:
        yield FunctionExecutionResultMessage(content=answers)


@lru_cache(_KNOWN)
def _one(message: Message) -> LLMMessage:
    """One message in AutoGen's form. Kept, since the whole conversation comes every turn; AutoGen never changes it."""
    if message.role == "user":
        return UserMessage(content=message.content, source="user")
    if message.tool_calls:
        calls = [FunctionCall(id=call.id, name=call.name, arguments=call.arguments) for call in message.tool_calls]
        return AssistantMessage(content=calls, thought=message.content or None, source=message.name or "agent")
    return AssistantMessage(content=message.content, source=message.name or "agent")


def from_autogen(messages: Sequence[LLMMessage]) -> Iterator[Message]:
    """AutoGen's messages as the platform's."""
    for message in messages:
        if isinstance(message, SystemMessage):
            yield Message(role="system", content=message.content)
        elif isinstance(message, UserMessage):
            yield Message(role="user", content=message.content if isinstance(message.content, str) else "")
        elif isinstance(message, FunctionExecutionResultMessage):
            for answer in message.content:
                yield Message(role="tool", name=answer.name, content=answer.content, tool_call_id=answer.call_id)
        elif isinstance(message.content, str):
            yield Message(role="assistant", content=message.content)
        else:
            calls = tuple(ToolCall(id=call.id, name=call.name, arguments=call.arguments) for call in message.content)
            yield Message(role="assistant", content=message.thought or "", tool_calls=calls)


def followed_name(call: ToolCall, refused: Container[str]) -> str:
    """The name under which AutoGen does what was decided; ``refused``: ids of the calls that are not made."""
    return call.name + _REFUSED_SUFFIX if call.id in refused and call.name.startswith(HANDOFF) else call.name


def restore_handoff_names(message: Message, refused: Container[str]) -> Message:
    """A message with the names that `followed_name` changed as the model wrote them."""
    if message.tool_call_id in refused:
        return msgspec.structs.replace(message, name=message.name.removesuffix(_REFUSED_SUFFIX))
    if not message.tool_calls:
        return message
    calls = tuple(
        msgspec.structs.replace(call, name=call.name.removesuffix(_REFUSED_SUFFIX)) for call in message.tool_calls
    )
    return msgspec.structs.replace(message, tool_calls=calls)
