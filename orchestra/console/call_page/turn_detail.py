"""What unfolds from a turn: each prompt as sent and answered, tools, knowledge passages, rules, cost. Pure."""

from typing import Any

import msgspec

from orchestra.console.call_page.journal import CallJournal
from orchestra.console.call_page.projection import since, turn_cost
from orchestra.history.usage import Usage
from orchestra.prices import Prices
from orchestra_schemas import (
    Event,
    Message,
    PromptCompleted,
    PromptRequested,
    ToolCall,
    ToolCompleted,
    ToolRequested,
    ToolSchema,
    TurnCompleted,
)

#: the built-in tool that looks facts up: its result is passages, a title and a text each
_SEARCH = "search_knowledge"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a model answered, and with how much; see `PromptCompleted`."""

    event: int
    at_s: float
    text: str
    tool_calls: tuple[ToolCall, ...]
    finish_reason: str
    error: str
    model: str
    rules: tuple[str, ...]
    prompt_tokens: int
    completion_tokens: int
    tokens_estimated: bool
    first_token_ms: float
    duration_ms: float


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt as it was sent, and its answer; None if the journal lacks it.

    ``same`` counts the messages at its beginning that the prompt before it in this turn had as well.
    """

    event: int
    at_s: float
    agent: str
    step: int
    model: str
    parameters: dict[str, Any]
    messages: tuple[Message, ...]
    same: int
    tools: tuple[ToolSchema, ...]
    call_state: dict[str, Any]
    answer: Answer | None


class Passage(msgspec.Struct, frozen=True):
    """A passage of the knowledge that an agent was given."""

    title: str
    text: str


class ToolUse(msgspec.Struct, frozen=True, kw_only=True):
    """A tool call with its result; ``result`` is None if the journal has none."""

    event: int
    at_s: float
    name: str
    arguments: str
    agent: str
    predicted: bool
    result: str | None
    failed: bool
    duration_ms: float
    noted: dict[str, Any]
    passages: tuple[Passage, ...]


class TurnDetail(msgspec.Struct, frozen=True, kw_only=True):
    """All that was done for a turn. ``events`` are the numbers of its entries in the journal."""

    number: int
    prompts: tuple[Prompt, ...]
    tools: tuple[ToolUse, ...]
    rules: tuple[str, ...]
    usage: Usage | None
    cost: float | None
    currency: str
    events: tuple[int, ...]


def turn_detail(journal: CallJournal, number: int, prices: Prices) -> TurnDetail | None:
    """What was done for the turn of this number; None if the journal has no event of it."""
    events = journal.of_turn(number)
    if not events:
        return None
    clock_at, usage = journal.history.clock_at, journal.usage.get(number)
    return TurnDetail(
        number=number,
        prompts=tuple(_prompts(events, clock_at)),
        tools=tuple(_tools(events, clock_at)),
        rules=tuple(dict.fromkeys(rule for _, event in events for rule in _rules(event))),
        usage=usage,
        cost=turn_cost(usage, prices),
        currency=prices.currency,
        events=tuple(each for each, turn in enumerate(journal.turns) if turn == number),
    )


def _rules(event: Event) -> tuple[str, ...]:
    return event.rules if isinstance(event, PromptCompleted | TurnCompleted) else ()


def _prompts(events: list[tuple[int, Event]], clock_at: float) -> list[Prompt]:
    answers = {event.request: (number, event) for number, event in events if isinstance(event, PromptCompleted)}
    prompts: list[Prompt] = []
    for number, event in events:
        if not isinstance(event, PromptRequested):
            continue
        answer = answers.get(event.id)
        before = prompts[-1].messages if prompts else ()
        prompts.append(
            Prompt(
                event=number,
                at_s=since(clock_at, event.at),
                agent=event.agent,
                step=event.step,
                model=event.model,
                parameters=event.parameters,
                messages=event.messages,
                same=_same(before, event.messages),
                tools=event.tools,
                call_state=event.call_state,
                answer=None if answer is None else _answer(*answer, clock_at),
            )
        )
    return prompts


def _same(before: tuple[Message, ...], after: tuple[Message, ...]) -> int:
    same = 0
    for one, other in zip(before, after, strict=False):
        if one != other:
            break
        same += 1
    return same


def _answer(number: int, event: PromptCompleted, clock_at: float) -> Answer:
    return Answer(
        event=number,
        at_s=since(clock_at, event.at),
        text=event.text,
        tool_calls=event.tool_calls,
        finish_reason=event.finish_reason,
        error=event.error,
        model=event.model,
        rules=event.rules,
        prompt_tokens=event.prompt_tokens,
        completion_tokens=event.completion_tokens,
        tokens_estimated=event.tokens_estimated,
        first_token_ms=event.first_token_ms,
        duration_ms=event.duration_ms,
    )


def _tools(events: list[tuple[int, Event]], clock_at: float) -> list[ToolUse]:
    results = {event.request: event for _, event in events if isinstance(event, ToolCompleted)}
    requested = {event.id for _, event in events if isinstance(event, ToolRequested)}
    used = []
    for number, event in events:
        if isinstance(event, ToolRequested):
            used.append(_tool(number, event, results.get(event.id), clock_at))
        elif isinstance(event, ToolCompleted) and event.request not in requested:
            used.append(_tool(number, event, event, clock_at))
    return used


def _tool(number: int, asked: ToolRequested | ToolCompleted, result: ToolCompleted | None, clock_at: float) -> ToolUse:
    request = asked if isinstance(asked, ToolRequested) else None
    return ToolUse(
        event=number,
        at_s=since(clock_at, asked.at),
        name=asked.name,
        arguments=request.arguments if request is not None else "",
        agent=request.agent if request is not None else "",
        predicted=asked.predicted,
        result=None if result is None else result.result,
        failed=result is not None and result.failed,
        duration_ms=0.0 if result is None else result.duration_ms,
        noted={} if result is None else result.noted,
        passages=_passages(asked.name, result),
    )


def _passages(name: str, result: ToolCompleted | None) -> tuple[Passage, ...]:
    """The passages in the result of a search, as `orchestra.agents.builtin` writes them."""
    if name != _SEARCH or result is None or result.failed:
        return ()
    blocks = (block.partition("\n") for block in result.result.split("\n\n"))
    return tuple(Passage(title, text) for title, _, text in blocks if text)
