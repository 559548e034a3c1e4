"""A simulated SIP telephone: the other end of a gateway, strict about the protocol, with the time of every packet."""

from orchestra.simulator.sip.dialog import Leg
from orchestra.simulator.sip.messages import Message, Request, Response, parse_message
from orchestra.simulator.sip.rtp import Faults, HeardPacket, PressedKey, RtpSession
from orchestra.simulator.sip.telephone import Telephone

__all__ = [
    "Faults",
    "HeardPacket",
    "Leg",
    "Message",
    "PressedKey",
    "Request",
    "Response",
    "RtpSession",
    "Telephone",
    "parse_message",
]
