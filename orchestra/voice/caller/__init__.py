"""The simulated caller: calls an edge as Twilio does, in real time, and measures what a caller would hear."""

from orchestra.history.by_utterance import Replying, TurnAccount, account
from orchestra.voice.caller.audio import to_telephone, write_stereo
from orchestra.voice.caller.caller import Caller, Ending
from orchestra.voice.caller.compare import Comparison, compare
from orchestra.voice.caller.conversation import Patience, ScriptedConversation, Utterance
from orchestra.voice.caller.hearing import compare_heard, words_heard
from orchestra.voice.caller.measure import Span, TurnAudio, cut, measure_turns
from orchestra.voice.caller.mulaw import SAMPLE_RATE
from orchestra.voice.caller.person import Person
from orchestra.voice.caller.phone_line import PhoneLine, Tracks
from orchestra.voice.caller.rest import CarrierApi
from orchestra.voice.caller.script import ScriptLine, performed, read_script, recorded, spoken
from orchestra.voice.caller.verdict import Problem, TurnRecord, problems

__all__ = [
    "SAMPLE_RATE",
    "Caller",
    "CarrierApi",
    "Comparison",
    "Ending",
    "Patience",
    "Person",
    "PhoneLine",
    "Problem",
    "Replying",
    "ScriptLine",
    "ScriptedConversation",
    "Span",
    "Tracks",
    "TurnAccount",
    "TurnAudio",
    "TurnRecord",
    "Utterance",
    "account",
    "compare",
    "compare_heard",
    "cut",
    "measure_turns",
    "performed",
    "problems",
    "read_script",
    "recorded",
    "spoken",
    "to_telephone",
    "words_heard",
    "write_stereo",
]
