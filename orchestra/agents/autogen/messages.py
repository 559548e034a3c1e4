"""Our messages as AutoGen's, and AutoGen's as ours."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from autogen_core import FunctionCall
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)

from orchestra_schemas import Message, ToolCall

#: messages of the calls at work that are kept as AutoGen's
_KNOWN = 4096


def to_autogen(messages: Sequence[Message]) -> Iterator[LLMMessage]:
    """Our messages as AutoGen's; the answers to the tool calls of one message stand together there."""
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
    """One message of AutoGen's, which never changes those that it is given; the whole conversation comes every turn."""
    if message.role == "user":
        return UserMessage(content=message.content, source="user")
    if message.tool_calls:
        calls = [FunctionCall(id=call.id, name=call.name, arguments=call.arguments) for call in message.tool_calls]
        return AssistantMessage(content=calls, thought=message.content or None, source=message.name or "agent")
    return AssistantMessage(content=message.content, source=message.name or "agent")


def from_autogen(messages: Sequence[LLMMessage]) -> Iterator[Message]:
    """AutoGen's messages as ours."""
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
