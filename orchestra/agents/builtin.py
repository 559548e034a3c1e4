"""The built-in tools.

Agents have those that end the call, transfer it to a person and search the knowledge without listing them.
Those of apps with a consent of their own also have `stop_recording`; it, `collect_digits` and `press_keys` are for
agents that list them among their tools.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Protocol

import msgspec

from orchestra.agents.tool import Tool, ToolContext, tool
from orchestra.language import find_language

#: the tool of apps with several languages, see `orchestra.agents.change_language_tool`
CHANGE_LANGUAGE = "change_language"
_PASSAGES = 3
_NOTHING_FOUND = "Nothing in the knowledge matches. Say that you do not know, and offer what you can do."


class Pages(Protocol):
    """Knowledge, as far as it is searched."""

    def sections(self, query: str, limit: int) -> "Sequence[Found]":
        """The passages that may answer a query, best first."""
        ...


class Found(Protocol):
    """A passage of the knowledge."""

    @property
    def title(self) -> str:
        """Its heading."""
        ...

    @property
    def text(self) -> str:
        """Its text."""
        ...


class KnownTool(Tool):
    """A tool for which every language knows what callers say when they need it."""

    def examples_in(self, language: str) -> tuple[str, ...]:
        """What callers say in this language when they need it."""
        return find_language(language).tool_examples[self.name]


@partial(KnownTool, idempotent=True)
def end_call(context: ToolContext, reason: Annotated[str, "why the call ends, in a few words"] = "") -> str:
    """End the call, once the caller has said good-bye or needs nothing more."""
    del reason  # part of the event that execution publishes
    return find_language(context.language).phrases.farewell


@partial(KnownTool, idempotent=True)
def transfer_call(
    context: ToolContext, briefing: Annotated[str, "what the person should know, in a sentence"] = ""
) -> str:
    """Hand the call to a person, when the caller asks for one or you cannot help."""
    del briefing
    return find_language(context.language).phrases.transferring


@tool(idempotent=True)
def stop_recording(context: ToolContext) -> str:
    """Stop the recording and delete it, when the caller does not want the call to be recorded. The call goes on."""
    return find_language(context.language).phrases.not_recorded


@tool(idempotent=True, stop_on_barge_in=True, timeout_s=30.0)
def collect_digits(
    question: Annotated[str, "what the caller is asked to key in, as it is said to them"],
    length: Annotated[int, msgspec.Meta(ge=0, le=32, description="how many digits are expected; 0 if any")] = 0,
    terminator: Annotated[str, msgspec.Meta(pattern=r"^[#*]?$", description="the key after the last digit")] = "#",
    first_within_s: Annotated[float, msgspec.Meta(gt=0, le=20, description="seconds for the first key")] = 10.0,
    next_within_s: Annotated[float, msgspec.Meta(gt=0, le=10, description="seconds between two keys")] = 4.0,
) -> str:
    """Ask the caller to key digits in on the telephone, and wait for them. It asks the question itself."""
    del question, length, terminator, first_within_s, next_within_s
    return ""  # execution collects the keys


@tool()
def press_keys(
    keys: Annotated[str, msgspec.Meta(pattern=r"^[0-9*#]{1,32}$", description="the keys, such as 1 or 4271#")],
) -> str:
    """Press telephone keys: the other side hears their tones. For the menu of a machine that answers."""
    return f"The keys {' '.join(keys)} are pressed."


#: after one of these tools, an agent only says its last words
CLOSING = frozenset({end_call.name, transfer_call.name})

#: these act on the call or speak with the caller, so they wait until the caller's turn is over, although some may be
#: repeated
ACTS_ON_CALL = CLOSING | {collect_digits.name, press_keys.name, stop_recording.name, CHANGE_LANGUAGE}


def search_tool(pages_in: Callable[[str], Pages | None]) -> Tool:
    """The tool ``search_knowledge`` over the pages for the language of a call."""

    @tool(idempotent=True, stop_on_barge_in=True)
    async def search_knowledge(
        query: Annotated[str, "what the caller wants to know, in their words"], context: ToolContext
    ) -> str:
        """Look up facts: opening hours, prices, conditions, how things are done."""
        pages = pages_in(context.language)
        found = [] if pages is None else await asyncio.to_thread(pages.sections, query, _PASSAGES)  # may ask a server
        return "\n\n".join(f"{passage.title}\n{passage.text}" for passage in found) or _NOTHING_FOUND

    return search_knowledge
