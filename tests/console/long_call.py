"""Calls of any length, with prompts that grow as real ones do, and their recordings."""

import math
import wave
from array import array
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from orchestra.bus import Bus
from orchestra_schemas import (
    AgentChanged,
    CallEnded,
    CallStarted,
    Event,
    Message,
    PromptCompleted,
    PromptRequested,
    RecordingSaved,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    SentenceSpoken,
    SpeechMetered,
    ToolCompleted,
    ToolRequested,
    ToolSchema,
    TranscriptFinal,
    TurnCompleted,
    TurnMeasured,
    UserSpeechStarted,
    UserTurnEnded,
    UserTurnPredicted,
    encode,
)

RATE = 8_000
TURN_S = 8.0
SAID = "I would like to know where my parcel with the number 4271 is at the moment, please."
REPLY = ("Your parcel 4271 is at the depot in Hill Street.", "It comes tomorrow before noon. Is that all right?")
TOOLS = tuple(
    ToolSchema(name=f"tool_{number}", description="It does one thing. " * 5, parameters={"type": "object"})
    for number in range(6)
)


def long_call(call: str, began: float, turns: int, recording: str = "") -> list[Event]:
    """A call of this many turns of 8 s; every tenth reply is interrupted, every third turn was predicted."""
    numbers = count(1)

    def at(second: float, turn: int = 0) -> dict[str, Any]:
        return {"call": call, "id": f"{call}:edge.{next(numbers)}", "turn": turn, "at": round(began + second, 3)}

    messages = [Message(role="system", content="You answer for Swift Parcel. " * 60)]
    events: list[Event] = [
        CallStarted(from_number="+15550001", to_number="+15550100", app="parcels", version="0.14.0+abc", **at(0.0)),
        AgentChanged(agent="desk", **at(0.01)),
        ReplySpoken(text="Welcome to Swift Parcel. How can I help you?", agent="desk", **at(2.5)),
    ]
    for turn in range(1, turns + 1):
        events += _turn(turn, 3.0 + (turn - 1) * TURN_S, at, messages)
    over = 3.0 + turns * TURN_S
    events.append(CallEnded(reason="caller_hung_up", duration_s=over, audio_ms=round(over * 1000), **at(over, turns)))
    if recording:
        events.append(RecordingSaved(url=recording, duration_s=over, **at(over + 1, turns)))
    return events


def _turn(turn: int, begin: float, at: Any, messages: list[Message]) -> Iterator[Event]:
    yield UserSpeechStarted(**at(begin, turn))
    yield TranscriptFinal(text=SAID, engine="local", confidence=0.9, speech_s=2.0, stt_ms=90.0, **at(begin + 2.1, turn))
    if turn % 3 == 0:
        yield UserTurnPredicted(text=SAID, speech_ended_at=at(begin + 2)["at"], **at(begin + 2.2, turn))
    yield UserTurnEnded(
        text=SAID, speech_ended_at=at(begin + 2)["at"], predicted=turn % 3 == 0, **at(begin + 2.4, turn)
    )
    messages.append(Message(role="user", content=SAID))
    for step in (1, 2):
        asked = PromptRequested(
            agent="desk", step=step, messages=tuple(messages), tools=TOOLS, **at(begin + 2.0 + step * 0.45, turn)
        )
        yield asked
        yield PromptCompleted(
            request=asked.id, text=" ".join(REPLY) * (step - 1), model="offline", prompt_tokens=900,
            completion_tokens=30,
            first_token_ms=120.0, duration_ms=300.0, **at(begin + 2.3 + step * 0.45, turn),
        )  # fmt: skip
        if step == 1:
            tool = ToolRequested(
                agent="desk", name="find_parcel", arguments='{"number":"4271"}', **at(begin + 2.8, turn)
            )
            yield tool
            yield ToolCompleted(
                request=tool.id,
                name="find_parcel",
                result="depot Hill Street",
                duration_ms=40,
                **at(begin + 2.85, turn),
            )
    for index, sentence in enumerate(REPLY):
        yield ReplyChunk(text=sentence, agent="desk", index=index, **at(begin + 3.2, turn))
    yield TurnCompleted(agent="desk", text=" ".join(REPLY), steps=3, model="offline", **at(begin + 3.25, turn))
    yield TurnMeasured(
        turn_end_ms=400.0, stt_ms=90.0, routing_ms=12.5, first_token_ms=320.0 + turn, first_sentence_ms=450.0,
        tts_ms=80.0, output_ms=21.0, total_ms=1283.5 + turn, ready="prompt" if turn % 3 == 0 else "nothing",
        predicted_ms=200.0 if turn % 3 == 0 else 0.0, **at(begin + 3.3, turn),
    )  # fmt: skip
    yield SentenceSpoken(text=REPLY[0], **at(begin + 5.0, turn))
    if turn % 10 == 0:
        yield ReplyInterrupted(heard=f"{REPLY[0]} It comes", **at(begin + 6.0, turn))
    else:
        yield ReplySpoken(text=" ".join(REPLY), agent="desk", **at(begin + 7.0, turn))
    yield SpeechMetered(stt="local", stt_s=8.0, tts="local", tts_characters=90, **at(begin + 7.5, turn))
    messages.append(Message(role="assistant", content=" ".join(REPLY)))


async def store(bus: Bus, events: Sequence[Event]) -> None:
    """Put events on the journal as they are, with the ids that they have."""
    for start in range(0, len(events), 200):
        pipe = bus.redis.pipeline(transaction=False)
        for event in events[start : start + 200]:
            pipe.xadd(bus.key(event.call, event.stream), encode(event))
        await pipe.execute()


def write_recording(path: Path, duration_s: float) -> Path:
    """A recording in which the caller hums for 2 s of every turn, and the agent, lower, for 4 s."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = array("h")
    for number in range(int(TURN_S * RATE)):
        second = number / RATE
        frames.append(round(12_000 * math.sin(number / 6)) if second < 2.0 else 0)
        frames.append(round(8_000 * math.sin(number / 12)) if 3.3 <= second < 7.0 else 0)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(bytes(3 * RATE * 4))
        for _ in range(round((duration_s - 3.0) / TURN_S)):
            file.writeframes(frames.tobytes())
    return path
