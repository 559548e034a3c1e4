"""The tools of Swift Parcel's agents: find a parcel, deliver it again, open a complaint."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Literal, cast

import msgspec

from orchestra.agents.tool import ToolContext, tool
from orchestra.demo.parcels import Parcels
from orchestra.settings import load_settings

ParcelNumber = Annotated[str, msgspec.Meta(pattern=r"^\d{4}$", description="parcel number, four digits")]
Day = Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]


@asynccontextmanager
async def open_parcels() -> AsyncIterator[Parcels]:
    """The parcels in the data directory, one file for all processes: the ``resources`` of every tool here."""
    yield await asyncio.to_thread(Parcels, load_settings().data_dir / "demo" / "parcels.sqlite")


def _parcels(context: ToolContext) -> Parcels:
    return cast("Parcels", context.resources)


def _spaced(number: str) -> str:
    """A number digit by digit, as it is read out: ``4 2 7 1``."""
    return " ".join(number)


def _unknown(number: str) -> str:
    return f"I cannot find a parcel with the number {_spaced(number)}. Please check the number and tell me again."


@tool(
    filler="One moment, I am looking that up.",
    idempotent=True,
    stop_on_barge_in=True,
    examples=(
        "where is my parcel",
        "when will my parcel arrive",
        "when does it come",
        "what is the status of my parcel",
    ),
)
def find_parcel(number: ParcelNumber, context: ToolContext) -> str:
    """Find out where a parcel is, and when it arrives or is delivered."""
    parcel = _parcels(context).find(number)
    if parcel is None:
        return _unknown(number)
    said = f"Your parcel {_spaced(number)} {parcel.status}."
    if parcel.delivery_day:
        return f"{said} It will be delivered again on {parcel.delivery_day}."
    return f"{said} Shall we deliver it again?" if parcel.place == "depot" else said


@tool(
    filler="One moment, I am booking that.",
    idempotent=True,
    examples=("deliver it again", "I would like a new delivery", "please bring it on another day", "book a redelivery"),
)
def redeliver(
    number: ParcelNumber,
    day: Annotated[Day, "day of the new delivery. Which day would suit you, Monday to Saturday?"],
    context: ToolContext,
) -> str:
    """Book a new delivery of a parcel on another day."""
    parcel = _parcels(context).find(number)
    if parcel is None:
        return _unknown(number)
    if parcel.place == "home":
        return f"Your parcel {_spaced(number)} {parcel.status}, so I cannot deliver it again."
    _parcels(context).redeliver(context.idempotency_key, number, day)
    return f"Done. Your parcel {_spaced(number)} will be delivered on {day}."


@tool(
    filler="One moment, I am writing that down.",
    idempotent=True,
    examples=("I want to make a complaint", "my parcel arrived broken", "something is missing", "your driver was rude"),
)
def open_complaint(
    number: ParcelNumber,
    what: Annotated[str, "what went wrong, in the caller's words. What went wrong?"],
    call_back: Annotated[bool, "whether a person should call back. Shall somebody call you back about it?"],
    context: ToolContext,
) -> str:
    """Open a complaint about a parcel that is damaged, incomplete or late, or about a driver."""
    if _parcels(context).find(number) is None:
        return _unknown(number)
    complaint = _parcels(context).complain(
        context.idempotency_key, number, what, context.caller_number if call_back else ""
    )
    said = f"I am sorry about that. I have opened complaint {_spaced(complaint)} for parcel {_spaced(number)}."
    return f"{said} Somebody will call you back tomorrow." if call_back else said
