"""The caller of a recorded call, put to the workers of today: turns, keys, and what was heard of each reply."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Self

from msgspec.structs import replace

from orchestra.agents.builtin import collect_digits
from orchestra.bus import Bus
from orchestra.errors import EngineError
from orchestra.history.call import CallHistory
from orchestra.history.reduce import reduce
from orchestra.history.views.summary import CallSummary, TurnSummary, call_summary, turn_summary
from orchestra_schemas import (
    AgentChanged,
    CallEnded,
    CallStarted,
    DigitPressed,
    Event,
    ReplyInterrupted,
    ReplySpoken,
    ToolRequested,
    TurnCancelled,
    TurnCompleted,
    UserSpeechStarted,
    UserTurnEnded,
    tag_of,
)

#: what an edge tells the agents of a caller
FROM_EDGE = (CallStarted, UserSpeechStarted, ReplyInterrupted, ReplySpoken, UserTurnEnded, CallEnded)
_STARTED = tag_of(CallStarted)
#: longer than a turn may take
_ANSWERED_WITHIN_S = 60.0


class GrowingJournal:
    """The journal of one call, as it grows."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.history = CallHistory()
        self._grown = asyncio.Event()

    def add(self, event: Event) -> None:
        """The next event."""
        self.events.append(event)
        self.history = reduce(self.history, event)
        self._grown.set()

    def turn(self, number: int) -> TurnSummary | None:
        """What is known of this turn so far."""
        turn = self.history.turn(number)
        return None if turn is None else turn_summary(turn)

    async def until(self, wanted: Callable[[Event], bool], since: int) -> int:
        """The place of the first event from ``since`` on that is wanted, as soon as it is there."""
        while True:
            for place in range(since, len(self.events)):
                if wanted(self.events[place]):
                    return place
            since = len(self.events)
            self._grown.clear()
            await self._grown.wait()


class JournalFollower:
    """Follows the journals of the calls that are watched, from the time of entering."""

    def __init__(self, bus: Bus) -> None:
        self._follow = bus.follow(since="0")
        self._journals: dict[str, GrowingJournal] = {}
        self._next: GrowingJournal | None = None
        self._reading: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def watched(self, call: str) -> Iterator[GrowingJournal]:
        """The journal of a call that begins now."""
        self._journals[call] = journal = GrowingJournal()
        try:
            yield journal
        finally:
            del self._journals[call]

    def next_call(self) -> GrowingJournal:
        """The journal of the call that an edge answers next."""
        self._next = GrowingJournal()
        return self._next

    async def __aenter__(self) -> Self:
        await self._follow.start()
        self._reading = asyncio.create_task(self._read(), name="follow compared calls")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._reading is not None
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        await self._follow.aclose()

    async def _read(self) -> None:
        async for entry in self._follow:
            if self._next is not None and entry.type == _STARTED and entry.call not in self._journals:
                self._journals[entry.call], self._next = self._next, None
            journal = self._journals.get(entry.call)
            event = None if journal is None else entry.event()
            if journal is not None and event is not None:
                journal.add(event)


def _once(events: Iterable[Event]) -> list[Event]:
    """A call starts once, ends once, and counts its turns up: nobody answers what a damaged journal has besides."""
    kept: list[Event] = []
    turn = -1
    for event in events:
        if isinstance(event, CallStarted) and kept:
            continue
        if isinstance(event, UserTurnEnded):
            if event.turn <= turn:
                continue
            turn = event.turn
        kept.append(event)
        if isinstance(event, CallEnded):
            break
    return kept


class RecordedCaller:
    """Does again what a recorded caller did, turn by turn, as soon as the agents have answered.

    Args:
        recorded: the events of the recorded call.
        was: what they tell.
        call: the id of the call that is made of it.
        journal: of that call.
        publish: publishes as an edge does.

    """

    def __init__(
        self,
        events: Sequence[Event],
        recorded: CallSummary,
        *,
        call: str,
        journal: GrowingJournal,
        publish: Callable[[Event], Event],
    ) -> None:
        self._edge = _once(event for event in events if isinstance(event, FROM_EDGE))
        if not recorded.started:
            self._edge.insert(0, CallStarted(call=call))
        self._recorded = {turn.number: turn for turn in recorded.turns}
        self._call = call
        self._journal = journal
        self._publish = publish
        self._place = 0

    async def play(self, goes_on: Callable[[TurnSummary], bool] = lambda _: True) -> CallSummary:
        """Make the call, to its end or until ``goes_on`` says no to a turn; what came of it.

        Raises:
            EngineError: the agents have not answered within a minute.

        """
        for at, event in enumerate(self._edge):
            following = self._edge[at + 1] if at + 1 < len(self._edge) else None
            if not await self._do(event, following, goes_on):
                break
        else:
            if isinstance(self._edge[-1], CallEnded):
                return call_summary(self._journal.history)
        self._tell(CallEnded(call=self._call, turn=self._edge[-1].turn, reason="caller_hung_up"))
        return call_summary(self._journal.history)

    async def _do(self, event: Event, following: Event | None, goes_on: Callable[[TurnSummary], bool]) -> bool:
        """Do what the caller did; False when the call is to end here."""
        match event:
            case CallStarted():
                self._tell(event)
                await self._until(lambda found: isinstance(found, AgentChanged))
            case UserTurnEnded(turn=number):
                recorded = self._recorded.get(number)
                if recorded is None:
                    return True  # its number is none of a turn
                self._tell(event)
                if recorded.cancelled == "superseded" and isinstance(following, UserTurnEnded):
                    return True  # the caller spoke on before anybody could answer
                await self._answered(recorded)
                candidate = self._journal.turn(number)
                return candidate is None or (goes_on(candidate) and not (candidate.closing and not recorded.closing))
            case ReplySpoken(turn=number, text=text):
                self._tell(replace(event, text=self._heard(number, text)))
            case ReplyInterrupted(turn=number, heard=heard):
                self._tell(replace(event, heard=self._heard(number, heard)))
            case _:
                self._tell(event)
        return True

    def _tell(self, event: Event) -> None:
        self._publish(replace(event, call=self._call, id="", at=0.0, source="", cause="", trace="", version=""))

    async def _answered(self, recorded: TurnSummary) -> None:
        def wanted(event: Event) -> bool:
            if isinstance(event, ToolRequested):
                return event.turn == recorded.number and event.name == collect_digits.name
            return event.turn == recorded.number and isinstance(event, TurnCompleted | TurnCancelled)

        while isinstance(await self._until(wanted), ToolRequested):
            for digit in recorded.keys:
                self._tell(DigitPressed(call=self._call, turn=recorded.number, digit=digit))

    async def _until(self, wanted: Callable[[Event], bool]) -> Event:
        try:
            async with asyncio.timeout(_ANSWERED_WITHIN_S):
                found = await self._journal.until(wanted, self._place)
        except TimeoutError as error:
            msg = f"the agents have not answered within {_ANSWERED_WITHIN_S:g} s"
            raise EngineError(msg) from error
        self._place = found + 1
        return self._journal.events[found]

    def _heard(self, number: int, heard: str) -> str:
        """As recorded if the reply is the recorded one; of another, as many words as were heard then."""
        recorded, candidate = self._recorded.get(number), self._journal.turn(number)
        if candidate is None or recorded is None or candidate.reply == recorded.reply:
            return heard
        if not recorded.interrupted:
            return candidate.reply
        return " ".join(candidate.reply.split()[: len(heard.split())])
