"""What a simulated caller has heard of the agents, by the journal of the call, or by ear where there is none."""

import asyncio
from collections.abc import Iterable

from orchestra.agents.builtin import collect_digits
from orchestra.evaluation.recorded_caller import GrowingJournal
from orchestra.evaluation.simulation.disturbances import first_words
from orchestra.history.reply_in_progress import ReplyInProgress
from orchestra.simulator import SAMPLE_RATE, PhoneLine
from orchestra.simulator.transcribe import Transcribe
from orchestra_schemas import (
    CallEnded,
    Event,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    SentenceSpoken,
    ToolCompleted,
    ToolRequested,
)

#: from the last sound of a reply until the journal says that it was spoken
_SAID_WITHIN_S = 2.0


class AgentWords:
    """What the agents of one call say, from one turn of the caller to the next.

    Args:
        line: what the caller hears.
        transcribe: recognizes what was said where the journal has no word of it.
        journal: of the call; None: it is not at hand.

    """

    def __init__(self, line: PhoneLine, transcribe: Transcribe, journal: GrowingJournal | None) -> None:
        self._line, self._transcribe, self._journal = line, transcribe, journal
        self._replying = ReplyInProgress()
        self._keys_awaited: set[str] = set()
        self._followed = 0
        self._taken = 0
        self._cut_turn = -1  # whatever the journal says of this one later, or of one before it, was not heard
        self._heard_s = 0.0

    def are_coming(self) -> bool:
        """Whether a reply is still being made or played. One that waits for the caller's keys is over."""
        for event in [] if self._journal is None else self._journal.events[self._followed :]:
            self._followed += 1
            self._replying.follow(event)
            if isinstance(event, ToolRequested) and event.name == collect_digits.name:
                self._keys_awaited.add(event.id)
            elif isinstance(event, ToolCompleted):
                self._keys_awaited.discard(event.request)
        return self._replying() and not self._keys_awaited

    async def take(self, cut_after: int = 0) -> str:
        """What the caller has heard since the last time.

        ``cut_after``: so many words of a reply that they have not heard to its end; 0: they have.
        """
        words = ""
        if self._journal is not None:
            if not cut_after:
                await self._said()
            events = [event for event in self._journal.events[self._taken :] if event.turn > self._cut_turn]
            self._taken = len(self._journal.events)
            words = words_heard(events, cut_after)
            if cut_after:
                said = (event.turn for event in events if isinstance(event, ReplyChunk | SentenceSpoken))
                self._cut_turn = max(self._cut_turn, *said, -1)
        from_s, self._heard_s = self._heard_s, self._line.now_s
        if words or self._line.agent_last_audible_s <= from_s:
            return words
        samples = self._line.tracks.agent[round(from_s * SAMPLE_RATE) :]
        return first_words(await asyncio.to_thread(self._transcribe, samples.tobytes(), SAMPLE_RATE), cut_after)

    async def _said(self) -> None:
        """Wait until the journal has the end of the reply."""
        assert self._journal is not None

        def over(event: Event) -> bool:
            return isinstance(event, CallEnded) or (
                isinstance(event, ReplySpoken | ReplyInterrupted) and event.turn > self._cut_turn
            )

        try:
            async with asyncio.timeout(_SAID_WITHIN_S):
                await self._journal.until(over, self._taken)
        except TimeoutError:
            return  # it has not: what there is of sentences, or what can be recognized, is what was heard


def words_heard(events: Iterable[Event], cut_after: int = 0) -> str:
    """The agents' words that were played, by the events since the caller spoke last.

    Of a reply that is not over these are its sentences so far; if the caller cuts it off (``cut_after`` words), the
    first words of what was to be said.
    """
    spoken: dict[int, str] = {}
    sentences: dict[int, list[str]] = {}
    planned: dict[int, list[str]] = {}
    for event in events:
        match event:
            case ReplySpoken(turn=turn, text=text) | ReplyInterrupted(turn=turn, heard=text):
                spoken[turn] = f"{spoken.get(turn, '')} {text}".strip()
                sentences.pop(turn, None)
                planned.pop(turn, None)
            case SentenceSpoken(turn=turn, text=text):
                sentences.setdefault(turn, []).append(text)
            case ReplyChunk(turn=turn, text=text):
                planned.setdefault(turn, []).append(text)
            case _:
                pass
    for turn, texts in (planned if cut_after else sentences).items():
        spoken[turn] = f"{spoken.get(turn, '')} {first_words(' '.join(texts), cut_after)}".strip()
    return " ".join(text for text in spoken.values() if text)
