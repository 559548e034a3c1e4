"""Plays the caller of a recorded call: turns, keys, and how much of each reply was heard."""

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
from orchestra.history.views.turn_summaries import CallSummary, TurnSummary, call_summary, turn_summary
from orchestra_schemas import (
    AgentChanged,
    CallEnded,
    CallGreeted,
    CallStarted,
    CallVariablesSet,
    DigitPressed,
    Event,
    OperatorHandedBack,
    OperatorLeft,
    OperatorPassedOn,
    OperatorTookOver,
    OperatorWhispered,
    ReplyInterrupted,
    ReplySpoken,
    ToolRequested,
    TurnCancelled,
    TurnCompleted,
    UserSpeechStarted,
    UserTurnEnded,
    tag_of,
)

#: the events of an edge that agents react to, those of operators, and what the app knew of the call
FROM_EDGE = (
    CallStarted,
    CallVariablesSet,
    CallGreeted,
    UserSpeechStarted,
    ReplyInterrupted,
    ReplySpoken,
    UserTurnEnded,
    CallEnded,
    OperatorWhispered,
    OperatorTookOver,
    OperatorHandedBack,
    OperatorLeft,
    OperatorPassedOn,
)
_STARTED = tag_of(CallStarted)
#: longer than any turn may take
_ANSWERED_WITHIN_S = 60.0


class GrowingJournal:
    """The journal of one call, as it grows."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.history = CallHistory()
        self._grown = asyncio.Event()

    def add(self, event: Event) -> None:
        """Add the next event."""
        self.events.append(event)
        self.history = reduce(self.history, event)
        self._grown.set()

    def turn(self, number: int) -> TurnSummary | None:
        """What is known of this turn so far."""
        turn = self.history.turn(number)
        return None if turn is None else turn_summary(turn)

    async def until(self, wanted: Callable[[Event], bool], since: int) -> int:
        """Wait for the first wanted event from index ``since`` on; returns its index."""
        while True:
            for index in range(since, len(self.events)):
                if wanted(self.events[index]):
                    return index
            since = len(self.events)
            self._grown.clear()
            await self._grown.wait()


class JournalFollower:
    """Follows the journals of the watched calls while its block runs."""

    def __init__(self, bus: Bus) -> None:
        self._follow = bus.follow(since="0")
        self._journals: dict[str, GrowingJournal] = {}
        self._expected: list[tuple[Callable[[CallStarted], bool], GrowingJournal]] = []
        self._reading: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def watched(self, call: str) -> Iterator[GrowingJournal]:
        """The journal of a call that is about to begin."""
        self._journals[call] = journal = GrowingJournal()
        try:
            yield journal
        finally:
            del self._journals[call]

    def next_call(self, is_own: Callable[[CallStarted], bool] = lambda _: True) -> GrowingJournal:
        """The journal of the next call that an edge answers, and that is meant."""
        journal = GrowingJournal()
        self._expected.insert(0, (is_own, journal))
        return journal

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
            if self._expected and entry.type == _STARTED and entry.call not in self._journals:
                self._take_expected(entry.event())
            journal = self._journals.get(entry.call)
            event = None if journal is None else entry.event()
            if journal is not None and event is not None:
                journal.add(event)

    def _take_expected(self, event: Event | None) -> None:
        if not isinstance(event, CallStarted):
            return
        for expected in self._expected:
            is_own, journal = expected
            if is_own(event):
                self._journals[event.call] = journal
                self._expected.remove(expected)
                return


def _once(events: Iterable[Event]) -> list[Event]:
    """The events without what a damaged journal repeats: a call starts once, ends once, and counts its turns up."""
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
    """Does what a recorded caller did, turn by turn, whenever the agents have answered.

    Args:
        events: of the recorded call.
        recorded: the recorded call.
        call: the id of the new call.
        journal: of the new call.
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
        """Make the call, up to its end or to the first turn that ``goes_on`` rejects; returns how it went.

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
        self._publish_as_edge(CallEnded(call=self._call, turn=self._edge[-1].turn, reason="caller_hung_up"))
        return call_summary(self._journal.history)

    async def _do(self, event: Event, following: Event | None, goes_on: Callable[[TurnSummary], bool]) -> bool:
        """Do what the caller did; False if the call ends here."""
        match event:
            case CallStarted():
                self._publish_as_edge(event)
                await self._until(lambda found: isinstance(found, AgentChanged))
            case UserTurnEnded(turn=number):
                recorded = self._recorded.get(number)
                if recorded is None:
                    return True  # there is no such turn
                # nothing was predicted here: agents that are told so wait for a step that nobody has begun
                self._publish_as_edge(replace(event, predicted=False))
                if recorded.cancelled == "superseded" and isinstance(following, UserTurnEnded):
                    return True  # the caller went on speaking before anybody could answer
                await self._answered(recorded)
                candidate = self._journal.turn(number)
                return candidate is None or (goes_on(candidate) and not (candidate.closing and not recorded.closing))
            case ReplySpoken(turn=number, text=text):
                self._publish_as_edge(replace(event, text=self._heard(number, text)))
            case ReplyInterrupted(turn=number, heard=heard):
                self._publish_as_edge(replace(event, heard=self._heard(number, heard, cut=True)))
            case _:
                self._publish_as_edge(event)
        return True

    def _publish_as_edge(self, event: Event) -> None:
        self._publish(replace(event, call=self._call, id="", at=0.0, source="", cause="", trace="", version=""))

    async def _answered(self, recorded: TurnSummary) -> None:
        def wanted(event: Event) -> bool:
            if isinstance(event, ToolRequested):
                return event.turn == recorded.number and event.name == collect_digits.name
            return event.turn == recorded.number and isinstance(event, TurnCompleted | TurnCancelled)

        while isinstance(await self._until(wanted), ToolRequested):
            for digit in recorded.keys:
                self._publish_as_edge(DigitPressed(call=self._call, turn=recorded.number, digit=digit))

    async def _until(self, wanted: Callable[[Event], bool]) -> Event:
        try:
            async with asyncio.timeout(_ANSWERED_WITHIN_S):
                found = await self._journal.until(wanted, self._place)
        except TimeoutError as error:
            msg = f"the agents have not answered within {_ANSWERED_WITHIN_S:g} s"
            raise EngineError(msg) from error
        self._place = found + 1
        return self._journal.events[found]

    def _heard(self, number: int, heard: str, *, cut: bool = False) -> str:
        """How much of the reply the caller hears: as recorded, or as many words of another reply that was ``cut``."""
        recorded, candidate = self._recorded.get(number), self._journal.turn(number)
        if candidate is None or recorded is None or candidate.reply == recorded.reply:
            return heard
        if not (cut or recorded.interrupted):
            return candidate.reply
        return " ".join(candidate.reply.split()[: len(heard.split())])
