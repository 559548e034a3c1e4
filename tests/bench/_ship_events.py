"""The events of a call as the platform publishes them, turn by turn, for benchmarks."""

from collections.abc import Iterator

from orchestra_schemas import (
    AgentChanged,
    AudioChunk,
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
    ToolSchema,
    TranscriptFinal,
    TranscriptPartial,
    TurnCompleted,
    TurnMeasured,
    UserSpeechStarted,
    UserTurnEnded,
)  # fmt: skip

AUDIO = bytes(range(256)) * 12 + bytes(128)
PROMPT = (
    "You speak on the telephone for Swift Parcel. Two short sentences at most, no lists, no signs nobody can say. "
    "You find out where a parcel is. Use find_parcel once you know the number; ask for it if you do not. "
) * 2
TOOLS = tuple(
    ToolSchema(
        name=name,
        description="Look up where a parcel is and when it will be delivered.",
        parameters={"type": "object", "properties": {"number": {"type": "string"}}, "required": ["number"]},
    )
    for name in ("find_parcel", "reschedule_delivery", "end_call")
)
SAID = "Hello, I would like to know where my parcel four two seven one is, please."
ANSWER = "Your parcel 4271 is at the depot in Hill Street, because nobody was at home when we came."


class CallOfTurns:
    """An endless call: 29 events a turn, 12 of them audio of 200 ms."""

    def __init__(self, call: str) -> None:
        self._events = self._all(call)

    def next(self) -> Event:
        """The next event of the call."""
        return next(self._events)

    def _all(self, call: str) -> Iterator[Event]:
        yield CallStarted(call=call, from_number="+15550001111", to_number="+15550002222", app="parcels")
        yield AgentChanged(call=call, agent="tracking")
        turn = 0
        while True:
            turn += 1
            yield from self._turn(call, turn)

    def _turn(self, call: str, turn: int) -> Iterator[Event]:
        where, offset = {"call": call, "turn": turn}, turn * 6000
        history = [
            Message(role="user" if n % 2 else "assistant", content=SAID if n % 2 else ANSWER)
            for n in range(min(turn, 8))
        ]
        asked = PromptRequested(
            **where, agent="tracking", messages=(Message(role="system", content=PROMPT), *history), tools=TOOLS,
            deadline=1763830000.5,
        )  # fmt: skip
        tool = ToolCall(id=f"call_{turn}", name="find_parcel", arguments='{"number": "4271"}')
        for number in range(6):
            yield AudioChunk(**where, speaker="caller", offset_ms=offset + 200 * number, audio=AUDIO)
        yield UserSpeechStarted(**where)
        for words in (3, 6, 12):
            yield TranscriptPartial(**where, text=" ".join(SAID.split()[:words]))
        yield TranscriptFinal(**where, text=SAID, engine="deepgram", confidence=0.97, speech_s=2.4, stt_ms=180)
        yield UserTurnEnded(**where, text=SAID, speech_ended_at=1763830000.25)
        yield asked
        yield PromptCompleted(**where, request="r1", tool_calls=(tool,), prompt_tokens=420, completion_tokens=18)
        yield ToolRequested(
            **where, agent="tracking", name="find_parcel", arguments=tool.arguments, tool_call_id=tool.id
        )
        yield ToolCompleted(**where, request="r2", name="find_parcel", result=ANSWER, duration_ms=41.5)
        yield asked
        yield ReplyChunk(**where, text=ANSWER, agent="tracking", first_token_ms=212.5)
        yield ReplyChunk(**where, text="Shall we bring it again?", agent="tracking", index=1)
        yield PromptCompleted(**where, request="r3", text=ANSWER, prompt_tokens=460, completion_tokens=31)
        yield TurnCompleted(**where, agent="tracking", text=ANSWER, steps=3)
        for number in range(6):
            yield AudioChunk(**where, speaker="agent", offset_ms=offset + 3000 + 200 * number, audio=AUDIO)
        yield ReplySpoken(**where, text=ANSWER, agent="tracking")
        yield TurnMeasured(
            **where, turn_end_ms=320, stt_ms=180, routing_ms=3, first_token_ms=212, tts_ms=180, total_ms=812
        )
