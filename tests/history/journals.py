"""Journals for tests of the history: the golden ones, and calls made up by hypothesis, whole or damaged."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from hypothesis import strategies as st

from orchestra_schemas import (
    AgentChanged,
    CallAnswered,
    CallEnded,
    CallEndRequested,
    CallResumed,
    CallStarted,
    CallTransferred,
    CallTransferRequested,
    DigitPressed,
    DigitsRequested,
    Event,
    Message,
    OperatorHandedBack,
    OperatorSaid,
    OperatorTookOver,
    PromptCompleted,
    PromptRequested,
    ProviderFailed,
    RecordingSaved,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    SentenceSpoken,
    SpeechMetered,
    ToolCompleted,
    ToolRequested,
    TranscriptFinal,
    TransferAccepted,
    TransferFailed,
    TurnCancelled,
    TurnCompleted,
    TurnMeasured,
    UserSpeechStarted,
    UserTurnEnded,
    UserTurnPredicted,
    UserTurnResumed,
    decode,
    event_types,
)

CALL = "07-0199a0b4-c0de-7000-8000-00000000aaaa"
GOLDEN = sorted((Path(__file__).parents[1] / "agents" / "golden").glob("*.jsonl"))
AGENTS = ("reception", "tracking", "complaints")
WORDS = ("Where is my parcel?", "Yes.", "It is on its way.", "One moment, please.", "Good bye.", "", " 4271 ", "stop")


class BookingNoted(Event, frozen=True, kw_only=True):
    """An event of some app's own, of which the platform knows nothing."""

    what: str = ""


def read_journal(path: Path) -> list[Event]:
    """The events of a file of JSON lines."""
    lines = path.read_bytes().splitlines()
    events = (decode({b"type": msgspec.json.decode(line)["type"].encode(), b"body": line}) for line in lines)
    return [event for event in events if event is not None]


class _Call:
    """Writes the journal of one made-up call."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.at = 1_763_830_000.0
        self.events: list[Event] = []
        self.turn = 0
        self.agent = ""

    def add(self, kind: type[Event], **fields: Any) -> Event:
        self.at += self.random.choice((0.0, 0.01, 0.25, 1.5))
        number = len(self.events)
        fields = {"turn": self.turn, "source": "edge-1", "at": round(self.at, 3), **fields}
        trace = f"00-{number:032x}-{number:016x}-01" if self.random.random() < 0.5 else ""
        event = kind(call=CALL, id=f"{CALL}:edge.{number}", trace=trace, **fields)
        self.events.append(event)
        return event

    def is_so(self, probability: float = 0.5) -> bool:
        return self.random.random() < probability

    def words(self) -> str:
        return self.random.choice(WORDS)

    def start(self) -> None:
        outbound = self.is_so(0.3)
        if outbound:
            self.add(CallAnswered, by=self.random.choice(("human", "machine", "fax")))
        self.add(
            CallStarted,
            from_number=self.random.choice(("+15550001", "")),
            to_number="+15550002",
            direction="outbound" if outbound else "inbound",
            app="parcels",
            greeting=self.random.choice(("Welcome.", "")),
            version=self.random.choice(("0.1.0+abc", "")),
        )
        self.hand_to("", "entry")
        if self.is_so(0.8):
            self.play("Welcome.")

    def hand_to(self, previous: str, reason: str) -> None:
        self.agent = self.random.choice(AGENTS)
        self.add(AgentChanged, agent=self.agent, previous=previous, reason=reason)

    def caller(self) -> None:
        self.turn += 1
        if self.is_so(0.8):
            self.add(UserSpeechStarted, turn=self.turn - 1, interrupting=self.is_so(0.2))
        for _ in range(self.random.randint(0, 2)):
            self.add(
                TranscriptFinal,
                text=self.words(),
                engine="local",
                confidence=self.random.choice((0.3, 0.9, 1.0)),
                stt_ms=120.0,
            )
        predicted = self.is_so(0.3)
        text = self.words()
        if predicted:
            self.add(UserTurnPredicted, text=text)
            if self.is_so(0.4):
                self.think()
                self.add(UserTurnResumed)
                if self.is_so():
                    self.add(TurnCancelled, reason="resumed")
                self.turn += 1
                predicted = False
        ended = self.add(UserTurnEnded, text=text, predicted=predicted)
        if self.is_so(0.7):
            self.events[-1] = msgspec.structs.replace(ended, speech_ended_at=round(ended.at - 0.4, 3))
        for _ in range(self.random.choice((0, 0, 0, 2))):
            self.add(DigitPressed, digit=self.random.choice("0123456789*#"))

    def think(self) -> None:
        messages = (Message(role="system", content="Be brief.\n\nThis caller has called before:\n- yesterday\n\nEnd."),)
        for step in range(1, self.random.randint(1, 3) + 1):
            asked = self.add(
                PromptRequested, agent=self.agent, step=step, messages=messages if self.is_so() else (), model="big"
            )
            if self.is_so(0.6):
                self.use_tool(step)
            for index in range(self.random.randint(0, 2)):
                self.add(ReplyChunk, text=self.words(), agent=self.agent, index=index, filler=self.is_so(0.2))
            if self.is_so(0.9):
                self.add(
                    PromptCompleted,
                    request=asked.id,
                    text="text",
                    model=self.random.choice(("big", "small", "")),
                    rules=self.random.choice(((), ("polite",))),
                    prompt_tokens=self.random.choice((0, 200)),
                    completion_tokens=20,
                    error=self.random.choice(("", "timeout")),
                    version="0.1.0+abc",
                )

    def use_tool(self, step: int) -> None:
        name = self.random.choice(("find_parcel", "search_knowledge"))
        arguments = self.random.choice(('{"number":"4271"}', "{}", "{broken"))
        asked = self.add(ToolRequested, agent=self.agent, name=name, arguments=arguments, step=step)
        if self.is_so(0.3):
            self.add(ReplyChunk, text="One moment.", agent=self.agent, filler=True)
        if self.is_so(0.9):
            self.add(
                ToolCompleted,
                request=asked.id if self.is_so(0.95) else "unknown",
                name=name,
                result="on its way",
                failed=self.is_so(0.2),
                noted=self.random.choice(({}, {"parcel": "4271"})),
                duration_ms=12.3,
            )

    def answer(self) -> None:
        if self.is_so(0.3):
            self.hand_to(self.agent, self.random.choice(("routed", "handoff")))
        self.think()
        if self.is_so(0.1):
            self.add(TurnCancelled, reason=self.random.choice(("superseded", "interrupted", "expired")))
            return
        if self.is_so(0.9):
            self.add(
                TurnCompleted,
                agent=self.agent,
                text=self.words(),
                failed=self.is_so(0.1),
                model="big" if self.is_so() else "",
                parameters={"temperature": 0.2},
                rules=self.random.choice(((), ("polite", "short"))),
                version=self.random.choice(("0.1.0+abc", "0.2.0+def", "")),
            )
        if self.is_so(0.8):
            self.add(TurnMeasured, turn_end_ms=400.0, routing_ms=12.0, tts_ms=self.random.choice((0.0, 210.0)),
                     total_ms=self.random.choice((700.0, 1234.5)))  # fmt: skip
        if self.is_so(0.9):
            self.play(self.words())

    def play(self, text: str) -> None:
        for _ in range(self.random.choice((0, 0, 1, 2))):
            self.add(SentenceSpoken, text=self.words())
        if self.is_so(0.1):
            return  # the edge is lost
        if self.is_so(0.3):
            self.add(ReplyInterrupted, heard=text[: self.random.randint(0, 10)])
        else:
            self.add(ReplySpoken, text=text, agent=self.agent)

    def happen(self) -> None:
        """Something that is rare."""
        match self.random.randint(0, 7):
            case 0:
                self.add(CallResumed, source="edge-2", stream_number=self.random.randint(1, 3))
                self.play(self.words())
            case 1:
                self.add(ProviderFailed, service="stt", provider="deepgram", fallback=self.random.choice(("", "local")))
            case 2:
                self.add(DigitsRequested, digits="12#", source="execution")
            case 3:
                self.add(CallTransferRequested, target="+15550009", briefing="A parcel.")
                self.add(CallTransferred, target="+15550009")
                self.add(*((TransferAccepted,) if self.is_so() else (TransferFailed,)), target="+15550009")
            case 4:
                self.add(SpeechMetered, stt="local", stt_s=12.345, tts="local", tts_characters=120)
            case 5:
                self.add(BookingNoted, what="table for two")
            case 6:
                self.step_in()
            case _:
                self.add(CallEndRequested)

    def step_in(self) -> None:
        """An operator says something in place of a reply, and then may speak with the caller."""
        self.add(OperatorSaid, turn=0, source="console", operator="anna", text=self.words())
        if self.is_so():
            self.add(ReplyInterrupted, heard=self.words()[:5], stopped_by="anna")
        self.turn += 1
        self.add(ReplySpoken, text=self.words(), operator="anna")
        if self.is_so():
            self.add(OperatorTookOver, turn=0, source="console", operator="anna")
            self.turn += 1
            self.add(UserTurnEnded, text=self.words(), operator="anna")
            self.add(TurnCancelled, reason="operator")
            self.add(OperatorHandedBack, turn=0, source="console", operator="anna", note=self.words())

    def end(self) -> None:
        reason = self.random.choice(("caller_hung_up", "agent_hung_up", "transferred", "failed"))
        self.add(CallEnded, reason=reason, duration_s=round(self.at - self.events[0].at, 3), audio_ms=9000)
        if self.is_so():
            self.add(RecordingSaved, url="https://user:secret@example.com/r.wav", missing_ms=20, turn=0)


def made_up_call(random: Random) -> list[Event]:
    """The journal of a call that the platform could have made."""
    call = _Call(random)
    call.start()
    for _ in range(random.randint(0, 4)):
        call.caller()
        call.answer()
        if random.random() < 0.4:
            call.happen()
    if random.random() < 0.8:
        call.end()
    return call.events


def _damaged(events: list[Event], random: Random) -> Iterator[Event]:
    """The events with some repeated, some missing, some in another order."""
    left = list(events)
    for _ in range(random.randint(0, 3)):
        here = random.randrange(len(left))
        match random.randint(0, 2):
            case 0:
                left.insert(random.randint(here, len(left)), left[here])
            case 1 if len(left) > 1:
                del left[here]
            case _:
                there = random.randrange(len(left))
                left[here], left[there] = left[there], left[here]
    yield from left


#: calls as the platform makes them, in the order of time; some still run, some were lost
whole_journals = st.randoms(use_true_random=False).map(made_up_call)
#: the same with events repeated, missing and out of order, and with a beginning or an end cut off
damaged_journals = st.randoms(use_true_random=False).map(lambda random: list(_damaged(made_up_call(random), random)))

assert "booking.noted" in event_types()
