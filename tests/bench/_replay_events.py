"""Synthetic calls of 200 events, with ids, causes and traces like those of the platform.

Callers' and agents' words are drawn from a vocabulary, so that they do not compress like one repeated sentence.
"""

import random
from collections.abc import Iterator
from itertools import count, islice
from typing import Any

from orchestra.bus.keys import key, new_call
from orchestra.bus.stream.encode import EncodedEvent, encode_event, fill_header
from orchestra_schemas import (
    AgentChanged,
    CallEnded,
    CallStarted,
    Event,
    Message,
    PromptCompleted,
    PromptRequested,
    ReplyChunk,
    ReplySpoken,
    ToolCall,
    ToolCompleted,
    ToolRequested,
    TranscriptFinal,
    TurnCompleted,
    TurnMeasured,
    UserSpeechStarted,
    UserTurnEnded,
)
from tests.bench._ship_events import PROMPT, TOOLS

EVENTS = 200
PARTITIONS = 16
AGENTS = ("reception", "tracking", "complaints")
_BEGAN = 1_763_830_000.0
_EACH_TURN_S = 9.0
_STAGES = {
    "turn_end_ms": 320.0,
    "routing_ms": 3.0,
    "first_token_ms": 400.0,
    "first_sentence_ms": 60.0,
    "tts_ms": 140.0,
    "output_ms": 5.0,
}
VERSION = "0.1.0+3f2a9c1d7b20"


def _vocabulary(chance: random.Random) -> list[str]:
    letters = "etaoinshrdlucmfwypvbgk"
    return ["".join(chance.choice(letters) for _ in range(chance.randint(2, 9))) for _ in range(1500)]


class Calls:
    """Calls from a seed: the same events in every run, except for the random part of their traces."""

    def __init__(self, seed: int = 7) -> None:
        self.chance = random.Random(seed)
        self.words = _vocabulary(self.chance)
        self._weights = [1 / (rank + 3) for rank in range(len(self.words))]

    def sentence(self, least: int, most: int) -> str:
        count = self.chance.randint(least, most)
        return " ".join(self.chance.choices(self.words, self._weights, k=count)).capitalize() + "."

    def call(self, number: int, *, events: int = EVENTS) -> Iterator[Event]:
        """This many events of one call, each with its header."""
        began = _BEGAN + number * 2.5
        call = _Call(self, new_call(number % PARTITIONS, int(began * 1000)), AGENTS[number % len(AGENTS)])
        at = began
        for event, source, cause in islice(call.told(), events - 1):
            at += self.chance.random() * _EACH_TURN_S / 9
            yield fill_header(event, event.id, at, source, cause, version=VERSION)
        ended = CallEnded(call=call.id, reason="caller_hung_up", duration_s=round(at - began, 3))
        yield fill_header(ended, call.next_id(), at, "edge", "", version=VERSION)


#: an event with its id, its source and its cause
_Told = tuple[Event, str, str]


class _Call:
    """One call as a sequence: the events of the edge, of orchestration and of execution."""

    def __init__(self, calls: Calls, call: str, agent: str) -> None:
        self.id = call
        self._calls = calls
        self._chance = calls.chance
        self._agent = agent
        self._history = [Message(role="system", content=PROMPT)]
        self._numbers = 0

    def next_id(self) -> str:
        """An id as an edge assigns it."""
        self._numbers += 1
        return f"{self.id}:edge-1a2b3c.{self._numbers}"

    def told(self) -> Iterator[_Told]:
        """All events, without end."""
        start, caller = self.next_id(), f"+1555{self._chance.randint(0, 9_999_999):07d}"
        yield self._edge(
            CallStarted(call=self.id, id=start, from_number=caller, to_number="+15550002222", app="parcels")
        )
        changed = AgentChanged(call=self.id, id=f"{start}.desk.1", agent=self._agent)
        yield changed, "desk", start
        for turn in count(1):
            yield from self._turn(turn)

    @staticmethod
    def _edge(event: Event) -> _Told:
        return event, "edge", ""

    def _soon(self) -> float:
        return round(_BEGAN + self._chance.uniform(0, 9e5), 6)

    def _turn(self, turn: int) -> Iterator[_Told]:
        chance, where, said = self._chance, {"call": self.id, "turn": turn}, self._calls.sentence(4, 14)
        stt_ms = round(chance.gauss(240, 60), 1)
        yield self._edge(UserSpeechStarted(**where, id=self.next_id()))
        heard = TranscriptFinal(
            **where, id=self.next_id(), text=said, engine="deepgram", confidence=round(chance.uniform(0.8, 1), 3),
            speech_s=round(chance.uniform(0.8, 4), 2), stt_ms=stt_ms,
        )  # fmt: skip
        yield self._edge(heard)
        ended = self.next_id()
        yield self._edge(UserTurnEnded(**where, id=ended, text=said, speech_ended_at=self._soon()))
        self._history.append(Message(role="user", content=said))
        yield from self._tool_step(where, ended)
        reply = [self._calls.sentence(6, 14) for _ in range(2)]
        yield from self._reply_step(where, ended, reply)
        text = " ".join(reply)
        done = TurnCompleted(**where, id=f"{ended}.desk.4", agent=self._agent, text=text, steps=3)
        yield done, "desk", ended
        self._history.append(Message(role="assistant", content=text))
        yield self._edge(ReplySpoken(**where, id=self.next_id(), text=text, agent=self._agent))
        stages = {name: round(value * chance.uniform(0.7, 1.6), 1) for name, value in _STAGES.items()}
        total_ms = round(sum(stages.values()), 1)
        yield self._edge(TurnMeasured(**where, id=self.next_id(), stt_ms=stt_ms, **stages, total_ms=total_ms))

    def _asked(self, where: dict[str, Any], asked: str, step: int) -> PromptRequested:
        messages = (self._history[0], *self._history[1:][-12:])
        return PromptRequested(
            **where, id=asked, agent=self._agent, step=step, messages=messages, tools=TOOLS, deadline=self._soon()
        )

    def _answered(self, where: dict[str, Any], asked: str, number: int, **answer: Any) -> PromptCompleted:
        chance = self._chance
        return PromptCompleted(
            **where, id=f"{asked}.execution.{number}", request=asked, **answer, model="gpt-small",
            prompt_tokens=chance.randint(300, 900), completion_tokens=chance.randint(10, 60),
            first_token_ms=round(chance.gauss(400, 90), 1), duration_ms=round(chance.gauss(900, 200), 1),
        )  # fmt: skip

    def _tool_step(self, where: dict[str, Any], ended: str) -> Iterator[_Told]:
        asked, wanted = f"{ended}.desk.1", f"{ended}.desk.2"
        arguments = f'{{"number": "{self._chance.randint(0, 9999):04d}"}}'
        called = f"call_{where['turn']}"
        yield self._asked(where, asked, 1), "desk", ended
        calls = (ToolCall(id=called, name="find_parcel", arguments=arguments),)
        yield self._answered(where, asked, 1, tool_calls=calls), "execution", asked
        request = ToolRequested(
            **where, id=wanted, agent=self._agent, name="find_parcel", step=2, tool_call_id=called,
            arguments=arguments, deadline=self._soon(),
        )  # fmt: skip
        yield request, "desk", ended
        result = ToolCompleted(
            **where, id=f"{wanted}.execution.1", request=wanted, name="find_parcel",
            result=self._calls.sentence(8, 20), duration_ms=round(self._chance.gauss(60, 20), 2),
            failed=self._chance.random() < 0.03,
        )  # fmt: skip
        yield result, "execution", wanted

    def _reply_step(self, where: dict[str, Any], ended: str, reply: list[str]) -> Iterator[_Told]:
        asked = f"{ended}.desk.3"
        yield self._asked(where, asked, 3), "desk", ended
        for index, sentence in enumerate(reply):
            spoken = f"{asked}.execution.{index + 1}"
            yield ReplyChunk(**where, id=spoken, text=sentence, agent=self._agent, index=index), "execution", asked
        yield self._answered(where, asked, len(reply) + 1, text=" ".join(reply)), "execution", asked


def interleaved(calls: int, *, together: int = 50, events: int = EVENTS) -> Iterator[EncodedEvent]:
    """The entries of this many calls, ``together`` of them in progress at a time."""
    maker = Calls()
    for first in range(0, calls, together):
        running = [maker.call(number, events=events) for number in range(first, min(first + together, calls))]
        for group in zip(*running, strict=True):
            for event in group:
                yield encode_event(event)


def stream_key(encoded: EncodedEvent) -> str:
    """The key of an entry's stream."""
    return key(int(encoded.call[:2]), encoded.stream)
