"""The agents of Swift Parcel: reception, tracking, redelivery, complaints."""

from pathlib import Path

from orchestra.agents.agent import Agent
from orchestra.agents.app import App
from orchestra.agents.knowledge import Knowledge
from orchestra.demo.rules import RULES
from orchestra.demo.tools import find_parcel, open_complaint, open_parcels, redeliver

_STYLE = """
You are on the telephone for Swift Parcel, a parcel service. Answer in one or two short spoken sentences: no lists, no
Markdown, parcel numbers digit by digit. Never guess: facts come from tools only.
Use search_knowledge for questions about opening hours, depots, prices and payment, customs, lost parcels and insurance,
damaged parcels, delivery times and Sundays, missed deliveries and neighbours, sending and packing, forbidden items,
a change of address, and returns.
Use end_call when the caller says good-bye. If the caller asks for something that has nothing to do with parcels, say:
"I am sorry, I can only help you with parcels."
""".strip()

reception = Agent(
    name="reception",
    about="the first to answer: whatever no colleague looks after",
    prompt=f"{_STYLE}\nYou are the reception. Hand over to the colleague who looks after what the caller wants.",
    handoffs=("tracking", "redelivery", "complaints"),
    knowledge=True,
)

tracking = Agent(
    name="tracking",
    about="where a parcel is, when it comes or arrives, whether it is late, its status: track a parcel by its number",
    prompt=f"{_STYLE}\nYou track parcels. Use find_parcel as soon as you know the parcel number.",
    tools=(find_parcel,),
    handoffs=("redelivery", "complaints", "reception"),
    examples=(
        "where is my parcel",
        "when will my parcel arrive",
        "when can I expect my delivery",
        "how long until it comes",
        "has my parcel been delivered yet",
        "I am still waiting for my parcel",
        "I ordered something and it is not here",
        "my parcel has not turned up",
        "is my parcel at the depot",
        "can you track something for me",
    ),
    knowledge=True,
)

redelivery = Agent(
    name="redelivery",
    about="a new delivery of a parcel: deliver it again, bring it on another day, after nobody was at home",
    prompt=f"{_STYLE}\nYou arrange new deliveries. Use redeliver as soon as you know the parcel number and the day.",
    tools=(redeliver,),
    handoffs=("tracking", "complaints", "reception"),
    examples=(
        "deliver it again",
        "I was not at home",
        "nobody was in",
        "there was a card in my letter box",
        "I missed the delivery",
        "can I book a redelivery",
        "please bring it on Saturday instead",
        "schedule a new delivery",
    ),
    knowledge=True,
)

complaints = Agent(
    name="complaints",
    about="a complaint about a damaged, missing or late parcel or a rude driver; unhappy and angry callers",
    prompt=(
        f"{_STYLE}\nYou take complaints. Use open_complaint once you know the parcel number and what went wrong. "
        "Never promise money back. Use transfer_call if the caller wants a person."
    ),
    tools=(open_complaint,),
    handoffs=("tracking", "redelivery", "reception"),
    examples=(
        "I want to complain",
        "my parcel arrived broken",
        "it is damaged",
        "your driver was rude",
        "the delivery man shouted at me",
        "I am unhappy with your service",
        "it arrived in pieces",
        "the parcel was opened and half is gone",
        "something is missing in the box",
    ),
    knowledge=True,
)

app = App(
    name="parcels",
    agents=(reception, tracking, redelivery, complaints),
    entry="reception",
    greeting="Welcome to Swift Parcel. How can I help you?",
    apology="I am sorry, something went wrong on my side. Could you say that again?",
    holding="Just a moment, please.",
    knowledge=Knowledge(Path(__file__).parent / "knowledge"),
    rules=RULES,
    transfer_target="+15550199",
    lifespan=open_parcels,
)
