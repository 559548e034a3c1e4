"""Simulates callers and carriers: calls an edge in real time, and measures what the caller hears."""

from orchestra.history.reply_in_progress import ReplyInProgress
from orchestra.simulator.audio_files import to_telephone, write_stereo
from orchestra.simulator.audio_measure import Span, TurnAudio, cut, measure_turns
from orchestra.simulator.browser_caller import BrowserCaller
from orchestra.simulator.caller import Caller, CallOutcome
from orchestra.simulator.checks import CheckedTurn, Problem, check_call
from orchestra.simulator.disturbed_microphone import DisturbedMicrophone, at_speech_level
from orchestra.simulator.improvised_conversation import ImprovisedConversation, Listening
from orchestra.simulator.noise import make_noise
from orchestra.simulator.phone_line import PhoneLine, Tracks
from orchestra.simulator.plivo_caller import PlivoCaller
from orchestra.simulator.relay_session import RelayVoice
from orchestra.simulator.script import ScriptLine, load_recordings, read_script, render_script, synthesize_lines
from orchestra.simulator.script_runner import ScriptedConversation
from orchestra.simulator.simulated_carriers import (
    SIMULATED_CARRIERS,
    SimulatedCaller,
    SimulatedCarrier,
    simulated_carrier,
)
from orchestra.simulator.sip_caller import SipCaller
from orchestra.simulator.telnyx_caller import TelnyxCaller
from orchestra.simulator.telnyx_network import TelnyxNetwork
from orchestra.simulator.transcribe import match_reply, transcribe_reply
from orchestra.simulator.transcript_match import TranscriptMatch, compare
from orchestra.simulator.transfer_target import TransferTarget
from orchestra.simulator.turn_waiting import Patience, Utterance
from orchestra.simulator.twilio_rest import TwilioRestServer
from orchestra.simulator.vonage_caller import VonageCaller, VonageWebhooks
from orchestra.voice.audio.mulaw import SAMPLE_RATE

__all__ = [
    "SAMPLE_RATE",
    "SIMULATED_CARRIERS",
    "BrowserCaller",
    "CallOutcome",
    "Caller",
    "CheckedTurn",
    "DisturbedMicrophone",
    "ImprovisedConversation",
    "Listening",
    "Patience",
    "PhoneLine",
    "PlivoCaller",
    "Problem",
    "RelayVoice",
    "ReplyInProgress",
    "ScriptLine",
    "ScriptedConversation",
    "SimulatedCaller",
    "SimulatedCarrier",
    "SipCaller",
    "Span",
    "TelnyxCaller",
    "TelnyxNetwork",
    "Tracks",
    "TranscriptMatch",
    "TransferTarget",
    "TurnAudio",
    "TwilioRestServer",
    "Utterance",
    "VonageCaller",
    "VonageWebhooks",
    "at_speech_level",
    "check_call",
    "compare",
    "cut",
    "load_recordings",
    "make_noise",
    "match_reply",
    "measure_turns",
    "read_script",
    "render_script",
    "simulated_carrier",
    "synthesize_lines",
    "to_telephone",
    "transcribe_reply",
    "write_stereo",
]
