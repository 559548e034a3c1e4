"""The simulated caller: calls an edge as Twilio does, in real time, and measures what a caller would hear."""

from orchestra.voice.caller.audio import write_stereo
from orchestra.voice.caller.caller import Caller, Ending
from orchestra.voice.caller.compare import Comparison, compare
from orchestra.voice.caller.conversation import (
    Patience,
    ScriptedConversation,
    ScriptLine,
    Utterance,
    read_script,
    recorded,
    spoken,
)
from orchestra.voice.caller.measure import Span, TurnAudio, cut, measure_turns
from orchestra.voice.caller.phone_line import PhoneLine, Tracks

__all__ = [
    "Caller",
    "Comparison",
    "Ending",
    "Patience",
    "PhoneLine",
    "ScriptLine",
    "ScriptedConversation",
    "Span",
    "Tracks",
    "TurnAudio",
    "Utterance",
    "compare",
    "cut",
    "measure_turns",
    "read_script",
    "recorded",
    "spoken",
    "write_stereo",
]
