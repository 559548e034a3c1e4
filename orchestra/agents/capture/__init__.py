"""Values that callers are asked for: asked, read back, corrected and keyed in by code, without a model."""

from orchestra.agents.capture.cards import Card
from orchestra.agents.capture.choice import Choice, YesNo
from orchestra.agents.capture.kinds import Date, Digits, Kind, Number
from orchestra.agents.capture.phone import Phone
from orchestra.agents.capture.spelled import Address, Email, Name
from orchestra.agents.capture.tool import CaptureTool, ask

__all__ = [
    "Address",
    "CaptureTool",
    "Card",
    "Choice",
    "Date",
    "Digits",
    "Email",
    "Kind",
    "Name",
    "Number",
    "Phone",
    "YesNo",
    "ask",
]
