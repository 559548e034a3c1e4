"""Further telephone lines of Swift Parcel: one on which callers may key in numbers, and one for outbound calls."""

from dataclasses import replace

from orchestra.agents.builtin import collect_digits
from orchestra.demo.team import app

#: the same team; the tracking agent lets callers key in the parcel number
keypad = replace(
    app,
    agents=tuple(
        replace(agent, tools=(*agent.tools, collect_digits)) if agent.name == "tracking" else agent
        for agent in app.agents
    ),
)

#: the same team, for calls to customers
outbound = replace(
    app,
    greeting="Hello, this is Swift Parcel. Your parcel is at the depot in Hill Street. Shall we deliver it again?",
    voicemail=(
        "Hello, this is Swift Parcel. Your parcel is waiting at the depot in Hill Street. "
        "Please call us back, and we will deliver it again. Good-bye."
    ),
)
