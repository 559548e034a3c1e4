"""Calls for the live page: ``python -m tests.bench._live_calls URL CALLS WATCHED``, until its standard input ends.

Each call publishes what edge and workers publish in about ten seconds of a turn, and the audio of both sides in chunks
of 200 ms at 8 kHz. A text in each event has the time at which it was made (``~1763830000123``), so that whoever sees it
knows how late it is. The first ``WATCHED`` calls do not end; their ids are the first line of the output. The last line
has the events a second.
"""

import asyncio
import json
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path

import uvloop

from orchestra.bus import Bus, Publisher, keys
from orchestra.bus.redis.connection import pack
from orchestra.settings import Settings
from orchestra_schemas import (
    AgentChanged,
    CallEnded,
    CallStarted,
    Event,
    Message,
    PromptCompleted,
    PromptRequested,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    SentenceSpoken,
    SpeechMetered,
    ToolCall,
    ToolCompleted,
    ToolRequested,
    TranscriptFinal,
    TranscriptPartial,
    TurnCompleted,
    TurnMeasured,
    UserSpeechStarted,
    UserTurnEnded,
    UserTurnPredicted,
)

_WORDS = "Could you tell me where the parcel is that I sent to my sister in Hill Street two weeks ago"
_SENTENCES = ("Your parcel is in the depot.", "It leaves there tomorrow morning.", "Is there anything else?")
#: a prompt with the conversation so far: as long as one of the demo's after six turns
_PROMPT = (Message(role="system", content="You help callers with their parcels. " * 200),)
_AUDIO_S, _AUDIO = 0.2, os.urandom(3200)
#: the media stream is trimmed, as the platform does by age
_MEDIA_KEPT = 2000
_TURNS = 8
_TURN_WITH_TOOL, _INTERRUPTED = 0.35, 0.15


def stamp() -> str:
    """The time, as texts have it."""
    return f"~{time.time_ns() // 1_000_000}"


class Caller:
    """One call after the other."""

    def __init__(self, bus: Bus, publisher: Publisher, counts: Counter[str]) -> None:
        self._bus, self._publisher, self._counts = bus, publisher, counts
        self.call = bus.new_call()

    def _publish(self, *events: Event) -> None:
        for event in events:
            self._counts[event.stream] += 1
            self._publisher.publish(event)

    async def talk(self, *, ends: bool) -> None:
        """Hold a call, and the next one if it ends."""
        sending = asyncio.create_task(self._send_audio())
        try:
            while True:
                await self._one_call(ends=ends)
                self._publisher.forget(self.call)
                self.call = self._bus.new_call()
        finally:
            sending.cancel()

    async def _one_call(self, *, ends: bool) -> None:
        call, turn, began = self.call, 0, time.monotonic()
        number = f"+1555{random.randrange(10**7):07}"
        self._publish(
            CallStarted(call=call, from_number=number, to_number="+15550100", app="parcels", line="+15550100"),
            AgentChanged(call=call, agent="reception"),
        )
        while not (ends and turn > random.uniform(0.5, 1.5) * _TURNS):
            turn += 1
            await self._caller_speaks(call, turn)
            await self._agents_reply(call, turn)
        self._publish(CallEnded(call=call, reason="caller_hung_up", duration_s=time.monotonic() - began))

    async def _caller_speaks(self, call: str, turn: int) -> None:
        await asyncio.sleep(random.uniform(0.3, 1.2))
        self._publish(UserSpeechStarted(call=call, turn=turn))
        words = _WORDS.split()[: random.randint(4, 20)]
        for at in range(1, len(words), 2):
            await asyncio.sleep(0.3)
            self._publish(TranscriptPartial(call=call, turn=turn, text=f"{' '.join(words[:at])} {stamp()}"))
        said = " ".join(words)
        self._publish(TranscriptFinal(call=call, turn=turn, text=f"{said} {stamp()}", engine="bench"))
        self._publish(UserTurnPredicted(call=call, turn=turn, text=said))
        await asyncio.sleep(0.3)
        self._publish(UserTurnEnded(call=call, turn=turn, text=f"{said} {stamp()}", predicted=True))

    async def _agents_reply(self, call: str, turn: int) -> None:
        if random.random() < _TURN_WITH_TOOL:
            await self._prompt(call, turn, ToolCall(id="1", name="find_parcel", arguments="{}"))
            tool, asked = f"find_parcel{stamp()}", f"{call}:tool.{turn}"
            self._publish(ToolRequested(call=call, turn=turn, id=asked, agent="tracking", name=tool))
            await asyncio.sleep(random.uniform(0.1, 1.0))
            result = f"in the depot {stamp()}"
            self._publish(ToolCompleted(call=call, turn=turn, request=asked, name=tool, result=result, duration_ms=300))
        await self._prompt(call, turn)
        for index, sentence in enumerate(_SENTENCES):
            text = f"{sentence} {stamp()}"
            self._publish(ReplyChunk(call=call, turn=turn, agent="tracking", index=index, text=text))
            await asyncio.sleep(0.15)
        self._publish(
            TurnCompleted(call=call, turn=turn, agent="tracking", text=" ".join(_SENTENCES), model="m"),
            TurnMeasured(call=call, turn=turn, total_ms=random.uniform(600, 2500)),
            SpeechMetered(call=call, turn=turn, stt="bench", stt_s=4.0, tts="bench", tts_characters=80),
        )
        for sentence in _SENTENCES:
            await asyncio.sleep(random.uniform(1.0, 1.8))
            self._publish(SentenceSpoken(call=call, turn=turn, text=sentence))
            if random.random() < _INTERRUPTED / len(_SENTENCES):
                self._publish(ReplyInterrupted(call=call, turn=turn, heard=sentence))
                return
        self._publish(ReplySpoken(call=call, turn=turn, text=" ".join(_SENTENCES), agent="tracking"))

    async def _prompt(self, call: str, turn: int, *tools: ToolCall) -> None:
        asked = f"{call}:prompt.{turn}.{len(tools)}"
        self._publish(PromptRequested(call=call, turn=turn, id=asked, agent="tracking", messages=_PROMPT))
        await asyncio.sleep(random.uniform(0.3, 0.8))
        done = PromptCompleted(
            call=call, turn=turn, request=asked, model="m", tool_calls=tools, prompt_tokens=1500, completion_tokens=40
        )
        self._publish(done)

    async def _send_audio(self) -> None:
        connection = self._bus.connection(keys.partition_of(self.call))
        await connection.open()
        due = time.monotonic() + random.random() * _AUDIO_S
        offset_ms = 0
        while True:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            due += _AUDIO_S
            for speaker in ("caller", "agent"):
                body = f'{{"type":"audio.chunk","call":"{self.call}","speaker":"{speaker}","offset_ms":{offset_ms}}}'
                key = self._bus.key(self.call, keys.MEDIA)
                fields = ("type", "audio.chunk", "call", self.call, "id", "", "body", body, "audio", _AUDIO)
                connection.send(pack(("XADD", key, "MAXLEN", "~", _MEDIA_KEPT, "*", *fields)), lambda _: None)
                self._counts["audio"] += 1
            offset_ms += 200


async def main(url: str, calls: int, watched: int) -> None:
    bus = await Bus.connect(Settings(redis_url=url, data_dir=Path("/nowhere")))
    counts: Counter[str] = Counter()
    publisher, began = bus.publisher("bench"), time.monotonic()
    callers = [Caller(bus, publisher, counts) for _ in range(calls)]
    print(json.dumps([caller.call for caller in callers[:watched]]), flush=True)

    async def begin(number: int, caller: Caller) -> None:
        await asyncio.sleep(random.uniform(0.0, 10.0))
        await caller.talk(ends=number >= watched)

    talking = [asyncio.create_task(begin(number, caller)) for number, caller in enumerate(callers)]
    await asyncio.to_thread(sys.stdin.read)
    for each in talking:
        each.cancel()
    took = time.monotonic() - began
    print(json.dumps({name: round(count / took, 1) for name, count in counts.items()}), flush=True)
    await bus.close()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
