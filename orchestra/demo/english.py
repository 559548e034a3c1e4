"""The demo in English."""

from typing import Final

from orchestra.demo.texts import AgentTexts, Texts, ToolTexts

TEXTS: Final = Texts(
    language="en",
    greeting="Welcome to Swift Parcel. How can I help you?",
    apology="I am sorry, something went wrong on my side. Could you say that again?",
    holding="Just a moment, please.",
    style="""
You are on the telephone for Swift Parcel, a parcel service. Answer in one or two short spoken sentences: no lists, no
Markdown, parcel numbers digit by digit. Never guess: facts come from tools only.
Use search_knowledge for questions about opening hours, depots, prices and payment, customs, lost parcels and insurance,
damaged parcels, delivery times and Sundays, missed deliveries and neighbours, sending and packing, forbidden items,
a change of address, and returns.
Use end_call when the caller says good-bye. If the caller asks for something that has nothing to do with parcels, say:
"I am sorry, I can only help you with parcels."
""".strip(),
    agents={
        "reception": AgentTexts(
            about="the first to answer: whatever no colleague looks after",
            prompt="You are the reception. Hand over to the colleague who looks after what the caller wants.",
        ),
        "tracking": AgentTexts(
            about=(
                "where a parcel is, when it comes or arrives, whether it is late, its status: "
                "track a parcel by its number"
            ),
            prompt="You track parcels. Use find_parcel as soon as you know the parcel number.",
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
        ),
        "redelivery": AgentTexts(
            about="a new delivery of a parcel: deliver it again, bring it on another day, after nobody was at home",
            prompt="You arrange new deliveries. Use redeliver as soon as you know the parcel number and the day.",
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
        ),
        "complaints": AgentTexts(
            about="a complaint about a damaged, missing or late parcel or a rude driver; unhappy and angry callers",
            prompt=(
                "You take complaints. Use open_complaint once you know the parcel number and what went wrong. "
                "Never promise money back. Use transfer_call if the caller wants a person."
            ),
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
        ),
    },
    find_parcel=ToolTexts(
        about="Find out where a parcel is, and when it arrives or is delivered.",
        filler="One moment, I am looking that up.",
        examples=(
            "where is my parcel",
            "when will my parcel arrive",
            "when does it come",
            "what is the status of my parcel",
        ),
    ),
    redeliver=ToolTexts(
        about="Book a new delivery of a parcel on another day.",
        filler="One moment, I am booking that.",
        examples=(
            "deliver it again",
            "I would like a new delivery",
            "please bring it on another day",
            "book a redelivery",
        ),
    ),
    open_complaint=ToolTexts(
        about="Open a complaint about a parcel that is damaged, incomplete or late, or about a driver.",
        filler="One moment, I am writing that down.",
        examples=(
            "I want to make a complaint",
            "my parcel arrived broken",
            "something is missing",
            "your driver was rude",
        ),
    ),
    number="parcel number, four digits",
    day="day of the new delivery. Which day would suit you, Monday to Saturday?",
    what="what went wrong, in the caller's words. What went wrong?",
    call_back="whether a person should call back. Shall somebody call you back about it?",
    days=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"),
    statuses={
        "4271": "is at the depot in Hill Street, because nobody was at home when we came",
        "3692": "is out for delivery, and will be with you today between two and four in the afternoon",
        "9264": "was delivered on Monday and left with a neighbour",
        "6249": "is still with customs, and should reach you in two working days",
        "1938": "is on its way to the depot at Harbour Road, and will arrive tomorrow",
        "7125": "has not moved for five working days, so we have started a search for it",
    },
    parcel="Your parcel {number} {status}.",
    again_on="It will be delivered again on {day}.",
    offer="Shall we deliver it again?",
    unknown="I cannot find a parcel with the number {number}. Please check the number and tell me again.",
    at_home="Your parcel {number} {status}, so I cannot deliver it again.",
    booked="Done. Your parcel {number} will be delivered on {day}.",
    opened="I am sorry about that. I have opened complaint {complaint} for parcel {number}.",
    called_back="Somebody will call you back tomorrow.",
    money=r"\b(refund|reimburse|compensat|money back|pay (you )?back|credit your)",
    no_promise=r"\b(cannot|can't|can not|not able|no promise|person|never)\b",
    serious=r"\b(hurt|injur\w*|hospital|ambulance|police|lawyer|solicitor|court|sue|theft|stole\w*|threat\w*|assault\w*)\b",
    only_a_person="Whether money is paid back is for a person to decide. I can take down a complaint for you.",
    read_number="Before I can book that, please read me the parcel number from your card, digit by digit.",
    serious_briefing="Serious complaint about {number}: {what}",
    concern="Why the caller rang.",
    concern_parcel="the number of the parcel, digits only",
    concern_wish="what the caller wanted, in a few words",
    promises_nothing="The agents never promise money back, or anything that no tool has confirmed.",
)
