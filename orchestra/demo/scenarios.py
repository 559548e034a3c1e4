"""Who calls Swift Parcel in `orchestra simulate`, and what is true afterwards."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from orchestra.demo.parcels import Parcels
from orchestra.evaluation.simulation.disturbances import Disturbances
from orchestra.evaluation.simulation.scenario import Scenario
from orchestra.history.call import CallHistory


@asynccontextmanager
async def fresh_parcels() -> AsyncIterator[Parcels]:
    """The example parcels, in a file that is gone after the call: no run sees what another has done."""
    with tempfile.TemporaryDirectory(prefix="orchestra-parcels-") as folder:
        yield await asyncio.to_thread(Parcels, Path(folder) / "parcels.sqlite")


def delivered_again_on_friday(_: CallHistory, parcels: Parcels) -> bool | str:
    """Whether parcel 4271 is booked for Friday, and no other one for any day."""
    days = {number: parcel.delivery_day for number in ("4271", "3692") if (parcel := parcels.find(number)) is not None}
    return days == {"4271": "Friday", "3692": ""} or f"the new deliveries are {days}, not 4271 on Friday"


scenarios = (
    Scenario(
        name="opening-hours",
        persona="Somebody in a hurry, on the way to the depot.",
        goal="find out until when the depots are open",
        opening="Hello, what are your opening hours?",
        satisfied_by=("Monday to Saturday",),
        words=("seven in the evening",),
        criterion="The agent has said that the depots are open until seven in the evening, and not on Sundays.",
        lifespan=fresh_parcels,
    ),
    Scenario(
        name="redelivery",
        persona="A friendly person who was not at home yesterday, and has found a card in the letter box.",
        goal="find out where the parcel is, and have it delivered again on Friday",
        facts={"parcel number": "4271", "day": "Friday"},
        must_not_know=("Hill Street",),
        opening="Hello, I was not at home. Where is my parcel?",
        answers={"deliver it again": "Yes, please deliver it again."},
        satisfied_by=("delivered on Friday",),
        success=delivered_again_on_friday,
        lifespan=fresh_parcels,
    ),
    Scenario(
        name="wrong-number-corrected",
        persona="An elderly person who reads the number from a card, gets a digit wrong, and corrects it at once.",
        goal="find out when the parcel comes",
        facts={"parcel number": "3692"},
        opening="Hello, when will my parcel arrive?",
        satisfied_by=("3692",),
        tools=({"name": "find_parcel", "arguments": {"number": "3692"}},),
        words=("out for delivery",),
        disturbances=Disturbances(corrections=(2,)),
        lifespan=fresh_parcels,
    ),
)
