"""Calls an edge as a carrier does that hears and speaks itself, so that a call needs no speech engines."""

import asyncio
import json
import sys
from pathlib import Path
from typing import cast

import numpy as np

from orchestra.simulator import Caller, Patience, PhoneLine, RelayVoice, ScriptedConversation, Utterance
from orchestra.voice.audio.mulaw import Samples

QUESTION = "Where is my parcel 4271?"
_WORD_S = 0.05


def sound(seconds: float) -> Samples:
    time = np.arange(round(seconds * 8000)) / 8000
    return cast("Samples", (8000 * np.sin(2 * np.pi * 440 * time)).astype(np.int16))


async def call(url: str, token: str) -> dict[str, object]:
    """Ask, hear the answer, hang up; how the call ended, and what was to be said."""
    spoken: list[str] = []

    def speak(text: str) -> Samples:
        spoken.append(text)
        return sound(_WORD_S * len(text.split()))

    caller = Caller(url, token, relay=RelayVoice(hear=lambda: QUESTION, speak=speak))
    talk = ScriptedConversation([Utterance(QUESTION, sound(0.5))], patience=Patience())
    outcome = await caller.call(PhoneLine(), talk)
    return {"how": outcome.how, "spoken": "".join(spoken), "unanswered": talk.unanswered_turn}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(call(sys.argv[1], Path(sys.argv[2]).read_text(encoding="utf-8").strip()))))
