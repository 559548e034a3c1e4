"""A consumer as its author writes it: a group's name and its handlers."""

import inspect
import math
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from orchestra.bus import keys
from orchestra.bus.bus import Bus
from orchestra.bus.consumer.backpressure import MOST_BYTES
from orchestra.bus.stream.entry import Entry
from orchestra.errors import ConsumerError
from orchestra.histogram import HANDLER_S, Histogram
from orchestra.version import package_version
from orchestra_schemas import Event, tag_of

Published = Event | Iterable[Event] | None
Function = Callable[..., Awaitable[Published] | AsyncIterator[Event]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """An entry of a batch that cannot be handled, and why: it goes to the dead letters."""

    entry: Entry
    error: Exception


BatchFunction = Callable[[list[Entry]], Awaitable[Iterable[Refusal] | None]]
PartitionFunction = Callable[[int, bool], None]
Lifespan = Callable[[Bus], AbstractAsyncContextManager[Any]]
#: the groups of the platform, and the module of each one's handlers
PLATFORM = {
    "orchestration": "orchestra.agents.handlers",
    "execution": "orchestra.execution.handlers",
    "persistence": "orchestra.storage.handlers",
    "archive": "orchestra.archive.handlers",
    "logging": "orchestra.telemetry.logging_handlers",
    "telemetry": "orchestra.telemetry.otlp_handlers",
    "curator": "orchestra.curation.handlers",
    "analysis": "orchestra.post_call.handlers",
    "webhooks": "orchestra.webhooks.handlers",
}
F = TypeVar("F", bound=Function)
B = TypeVar("B", bound=BatchFunction)
L = TypeVar("L", bound=Lifespan)
P = TypeVar("P", bound=PartitionFunction)
#: unfinished entries of a partition, and entries after the last commit, from which on no more are read
_MOST_UNFINISHED = 1000


@dataclass(slots=True)
class Handler:
    """A function that handles events, how to run it, and counts of what it has done in this process.

    ``handled`` events were finished, ``failed`` attempts raised, ``dead`` events were given up; ``seconds`` were
    spent in it, waiting included.
    """

    function: Function
    name: str
    takes_context: bool
    concurrent: bool
    timeout_s: float
    raw: bool
    #: the module that defines the function
    module: str = ""
    decode: Callable[[bytes], Event] | None = None
    #: it takes the event alone, and the body has all of it: `OwnedPartition.take` needs no `Delivery`
    fast_path: bool = False
    #: it takes the entries of a read at once; ``function`` then calls it with a single one
    batch: BatchFunction | None = None
    #: whether entries are pending in Redis while it handles them; else the group's position waits before them
    pending: bool = True
    handled: int = 0
    failed: int = 0
    dead: int = 0
    seconds: float = 0.0
    #: the runs that waited, failed or took long: those that cost more than counting them
    measured: Histogram = field(default_factory=lambda: Histogram(HANDLER_S))

    def observe(self, seconds: float) -> None:
        """Count a run by its time."""
        self.seconds += seconds
        self.measured.observe(seconds)

    def durations(self) -> Histogram:
        """The times of all runs.

        A run that ends at once is not measured by itself, since that would cost as much as the run: what was handled or
        failed without having been measured was within the first bound.
        """
        found = Histogram(HANDLER_S)
        found.counts, found.sum = list(self.measured.counts), self.seconds
        if self.batch is None:
            found.counts[0] += max(0, self.handled + self.failed - sum(found.counts))
        return found

    def begin_fast(self, values: list[bytes]) -> Coroutine[Any, Any, Published] | None:
        """Call the handler with the event of an entry's values; None if they are not laid out as we write them."""
        try:
            if values[4] != b"id":
                return None
            event = self.decode(values[7])  # type: ignore[misc]
        except (IndexError, ValueError, RecursionError):  # of another producer: the ordinary path reports what is wrong
            return None
        return self.function(event)  # type: ignore[return-value]


class Consumer:
    """Handlers under a group's name; ``orchestra worker module:consumer`` runs them.

    Args:
        name: the consumer group in Redis; letters, digits, ``-`` and ``_``.
        streams: ``"events"`` (the journal), ``"media"`` or both.
        state: middle part of the group's state keys ``orchestra:{p07}:<state>:<call>``; the group's name unless given.
        max_attempts: deliveries of one event before it goes to the dead letters.
        handler_timeout_s: seconds after which a handler is cancelled, which counts as a failed attempt.
        linger_ms: how long what handlers publish may wait so that commits carry more, in ms; the setting unless given.
        start: where a group that does not exist yet begins.
        version: in the header of everything it publishes; the package's version unless given. A lifespan may change it.
        grace_s: how long handlers may still run after the worker was asked to stop, in seconds.
        in_clear: where personal data is sealed in the journal (``ORCHESTRA_REDACT_AT_REST``), its handlers get it in
            clear, and its state is sealed, too. All others get placeholders.

    """

    def __init__(
        self,
        name: str,
        *,
        streams: Sequence[str] = (keys.JOURNAL,),
        state: str | None = None,
        max_attempts: int = 5,
        handler_timeout_s: float = 30.0,
        linger_ms: float | None = None,
        start: Literal["beginning", "now"] = "beginning",
        version: str = "",
        grace_s: float = 1.0,
        in_clear: bool = False,
    ) -> None:
        if not name or not name.replace("-", "").replace("_", "").isalnum():
            msg = f"a consumer's name is letters, digits, - and _, not {name!r}"
            raise ConsumerError(msg)
        unknown = set(streams) - set(keys.STREAMS)
        if unknown or not streams:
            msg = f"consumer {name}: streams are {keys.STREAMS}, not {tuple(streams)}"
            raise ConsumerError(msg)
        self.name = name
        self.streams = tuple(dict.fromkeys(streams))
        self.state = state or name
        self.max_attempts = max_attempts
        self.handler_timeout_s = handler_timeout_s
        self.linger_ms = linger_ms
        self.start = start
        self.version = version or package_version()
        self.grace_s = grace_s
        self.in_clear = in_clear
        #: name and version of each app that it runs, for those who look at the processes; set by a lifespan
        self.apps: tuple[tuple[str, str], ...] = ()
        self.handlers: dict[bytes, Handler] = {}
        self.entry_handler: Handler | None = None
        self.resources: Lifespan | None = None
        self.most_unfinished = _MOST_UNFINISHED
        self.most_bytes = MOST_BYTES
        self.partition_changed: PartitionFunction | None = None
        #: gauges of its own on ``/metrics``: name → (help text, function that reads the value)
        self.gauges: dict[str, tuple[str, Callable[[], float]]] = {}
        #: the same for numbers that only grow; their names end in ``_total``
        self.counters: dict[str, tuple[str, Callable[[], float]]] = {}

    def on(self, *types: type[Event], concurrent: bool = False, timeout_s: float | None = None) -> Callable[[F], F]:
        """Handle events of these types with the decorated function.

        The function takes the event, or the event and its `Context`, and returns what it publishes: an event, several,
        or none; an async generator yields them. Handlers of one call start in order and run one after another;
        ``concurrent`` starts in order but does not hold up the call's next event.

        Raises:
            ConsumerError: the function is not async or takes other arguments, or a type has a handler already.

        """

        def register(function: F) -> F:
            """Make it the handler of the types."""
            for event_type in types:
                tag = tag_of(event_type).encode()
                if tag in self.handlers:
                    msg = f"consumer {self.name}: {event_type.__name__} is handled by {self.handlers[tag].name} already"
                    raise ConsumerError(msg)
                if event_type.stream not in self.streams:
                    wanted = (*self.streams, event_type.stream)
                    msg = (
                        f"consumer {self.name}: {event_type.__name__} travels on the {event_type.stream} stream,"
                        f" which it does not read: say Consumer({self.name!r}, streams={wanted!r})"
                    )
                    raise ConsumerError(msg)
                self.handlers[tag] = self._handler(function, concurrent, timeout_s, event_type)
            self._one_kind()
            return function

        if not types:
            msg = f"consumer {self.name}: on() needs the event types to handle"
            raise ConsumerError(msg)
        return register

    def on_entry(self, *, concurrent: bool = False, timeout_s: float | None = None) -> Callable[[F], F]:
        """Handle every entry without decoding its body, including unknown types: for logging and archives."""

        def register(function: F) -> F:
            self.entry_handler = self._handler(function, concurrent, timeout_s, None)
            self._one_kind()
            return function

        return register

    def on_batch(
        self,
        *,
        timeout_s: float = math.inf,
        pending: bool = True,
        most: int = _MOST_UNFINISHED,
        most_bytes: int = MOST_BYTES,
    ) -> Callable[[B], B]:
        """Handle raw entries in batches of up to 200 of one stream, in order, acknowledged when the function returns.

        Several batches may run at a time. The function publishes nothing; it returns the entries that it refuses, as
        `Refusal`. When it raises, its entries are handled again one by one, and those whose attempts all fail become
        dead letters.

        Args:
            timeout_s: seconds after which the function is cancelled; never unless given, because a function that waits
                for another server may wait long, and the limits below stop the reading.
            pending: whether the entries of running batches are pending in Redis. If not, the group's position stays
                before them, so that the next owner reads all of them again, in batches, in order; and when the function
                raises, it is called again with the same entries until it returns.
            most: entries of a partition that may be in flight before reading stops.
            most_bytes: the same in bytes.

        """

        def register(function: B) -> B:
            self.most_unfinished, self.most_bytes = most, most_bytes
            self.entry_handler = self._handler(_alone(function), True, timeout_s, None)
            self.entry_handler.name = getattr(function, "__qualname__", repr(function))
            self.entry_handler.module = _module_of(function)
            self.entry_handler.batch = function
            self.entry_handler.pending = pending
            self._one_kind()
            return function

        return register

    def lifespan(self, function: L) -> L:
        """Open this async context manager (it takes the bus) before the first event and close it after the last."""
        self.resources = function
        return function

    def on_partition(self, function: P) -> P:
        """Call this function with each partition that was acquired (True), or is being released or was lost (False)."""
        self.partition_changed = function
        return function

    def check(self) -> None:
        """Check that it can be run.

        Raises:
            ConsumerError: it has no handlers, or the name of one of the platform's groups.

        """
        if not self.handlers and self.entry_handler is None:
            msg = f"consumer {self.name} handles nothing: decorate a function with @consumer.on(…)"
            raise ConsumerError(msg)
        modules = sorted({handler.module for handler in self.all_handlers()})
        if self.name in PLATFORM and PLATFORM[self.name] not in modules:
            msg = (
                f"consumer {self.name!r} of {', '.join(modules)}: the group of that name is the platform's own"
                f" ({PLATFORM[self.name]}), which would lose its events to this one; give the consumer another name"
            )
            raise ConsumerError(msg)

    def limit(self, *types: type[Event], timeout_s: float) -> None:
        """Set the seconds after which the handlers of these types are cancelled; to be called in a lifespan."""
        for event_type in types:
            self.handlers[tag_of(event_type).encode()].timeout_s = timeout_s

    def all_handlers(self) -> list[Handler]:
        """Every handler, once for each event type that it handles."""
        return [*self.handlers.values(), *([self.entry_handler] if self.entry_handler is not None else [])]

    def _one_kind(self) -> None:
        if self.handlers and self.entry_handler is not None:
            msg = f"consumer {self.name}: on_entry and on_batch take every entry, so they cannot be combined with on(…)"
            raise ConsumerError(msg)

    def _handler(
        self, function: Function, concurrent: bool, timeout_s: float | None, event_type: type[Event] | None
    ) -> Handler:
        name = getattr(function, "__qualname__", repr(function))
        generator = inspect.isasyncgenfunction(function)
        if not generator and not inspect.iscoroutinefunction(function):
            msg = f"consumer {self.name}: handler {name} must be an `async def`"
            raise ConsumerError(msg)
        count = len(inspect.signature(function).parameters)
        if count not in (1, 2):
            msg = f"consumer {self.name}: handler {name} takes (event) or (event, context), not {count} arguments"
            raise ConsumerError(msg)
        plain = event_type is not None and "audio" not in event_type.__struct_fields__
        decode = msgspec.json.Decoder(event_type).decode if plain else None
        return Handler(
            function=_collected(function) if generator else function,
            name=name,
            takes_context=count == 2,  # noqa: PLR2004
            concurrent=concurrent,
            timeout_s=self.handler_timeout_s if timeout_s is None else timeout_s,
            raw=event_type is None,
            module=_module_of(function),
            decode=decode,
            fast_path=decode is not None and count == 1,
        )


def _module_of(function: Any) -> str:
    """The module that defines a handler; its real name where it is the main program."""
    name = getattr(function, "__module__", None) or type(function).__module__
    main = sys.modules.get(name) if name == "__main__" else None
    if main is None:
        return str(name)
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    return str(spec.name if spec is not None else Path(file).stem if file else name)


def _collected(generator: Function) -> Function:
    async def collect(*args: Any) -> list[Event]:
        return [event async for event in generator(*args)]  # type: ignore[union-attr]

    return collect


def _alone(function: BatchFunction) -> Callable[[Entry], Awaitable[None]]:
    async def alone(entry: Entry) -> None:
        for refusal in await function([entry]) or ():
            raise refusal.error

    return alone
