"""What a consumer's handlers get in a replay: what was recorded, and nothing else.

A consumer reads the journal to which it publishes, so its own events come back to it. An event that was recorded is
handled once, with the recorded content; an event that was not recorded is not handled.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from orchestra.bus import Consumer, Entry
from orchestra.replay.targets.output_diff import cause_of
from orchestra_schemas import Event

Function = Callable[..., Any]


class RecordedInputs:
    """Recorded outputs of the running group that are inputs of its own handlers."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._recorded: dict[str, Entry] = {}
        self._taken: set[str] = set()

    def handles(self, entry: Entry) -> bool:
        """Whether the group has a handler for it."""
        return self._consumer.entry_handler is not None or entry.type.encode() in self._consumer.handlers

    def add(self, entry: Entry) -> None:
        """Add a recorded output of the group."""
        if self.handles(entry):
            self._recorded[entry.id] = entry

    def take(self, event_id: str) -> bool:
        """Claim the event for its handler; False if it was not recorded, or was claimed before."""
        if event_id not in self._recorded or event_id in self._taken:
            return False
        self._taken.add(event_id)
        return True

    def is_taken(self, event_id: str) -> bool:
        """Whether a handler has claimed it."""
        return event_id in self._taken

    @contextmanager
    def guard(self) -> Iterator[None]:
        """In the block, the consumer's handlers get only what was recorded."""
        handlers = self._consumer.all_handlers()
        functions = [handler.function for handler in handlers]
        for handler in handlers:
            if handler.batch is None:  # a batch handler publishes nothing
                handler.function = self._guarded(handler.function)
        try:
            yield
        finally:
            for handler, function in zip(handlers, functions, strict=True):
                handler.function = function

    def _guarded(self, function: Function) -> Function:
        group = self._consumer.name

        def guarded(subject: Event | Entry, *rest: Any) -> Any:
            if cause_of(subject.id, group) is None:
                return function(subject, *rest)
            return self._own(function, subject, rest)

        return guarded

    async def _own(self, function: Function, subject: Event | Entry, rest: tuple[Any, ...]) -> Any:
        if not self.take(subject.id):
            return None
        entry = self._recorded[subject.id]
        if isinstance(subject, Entry):
            given: Any = msgspec.structs.replace(subject, body=entry.body, audio=entry.audio)
        else:
            given = entry.event() or subject
        handling: Awaitable[Any] = function(given, *rest)
        try:
            return await handling
        except BaseException:
            self._taken.discard(subject.id)  # another attempt may claim it
            raise
