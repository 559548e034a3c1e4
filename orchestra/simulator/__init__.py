"""The simulated caller: calls an edge as Twilio does, in real time, and measures what a caller would hear."""

from orchestra.history.by_utterance import Replying, TurnAccount, account
from orchestra.simulator.audio_files import to_telephone, write_stereo
from orchestra.simulator.audio_measure import Span, TurnAudio, cut, measure_turns
from orchestra.simulator.caller import Caller, Ending
from orchestra.simulator.checks import Problem, TurnRecord, problems
from orchestra.simulator.phone_line import PhoneLine, Tracks
from orchestra.simulator.script import ScriptLine, performed, read_script, recorded, spoken
from orchestra.simulator.script_runner import Patience, ScriptedConversation, Utterance
from orchestra.simulator.transcribe import compare_heard, words_heard
from orchestra.simulator.transcript_match import Comparison, compare
from orchestra.simulator.transfer_target import Person
from orchestra.simulator.twilio_rest import CarrierApi
from orchestra.voice.audio.mulaw import SAMPLE_RATE

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
