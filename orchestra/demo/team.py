"""The agents of Swift Parcel: reception, tracking, redelivery, complaints."""

from pathlib import Path

from orchestra.agents.agent import Agent
from orchestra.agents.app import App
from orchestra.agents.knowledge import Knowledge
from orchestra.demo import english, german, spanish
from orchestra.demo.after import after_in
from orchestra.demo.rules import rules_in
from orchestra.demo.texts import Texts
from orchestra.demo.tools import open_parcels, tools_in

_PAGES = Path(__file__).parent / "knowledge"


def team_in(texts: Texts) -> App:
    """The app that speaks these words."""
    tools = tools_in(texts)
    of_agent = {
        "tracking": (tools.find_parcel,),
        "redelivery": (tools.redeliver,),
        "complaints": (tools.open_complaint,),
    }
    handoffs = {
        "reception": ("tracking", "redelivery", "complaints"),
        "tracking": ("redelivery", "complaints", "reception"),
        "redelivery": ("tracking", "complaints", "reception"),
        "complaints": ("tracking", "redelivery", "reception"),
    }
    agents = tuple(
        Agent(
            name=name,
            about=words.about,
            prompt=f"{texts.style}\n{words.prompt}",
            tools=of_agent.get(name, ()),
            handoffs=handoffs[name],
            examples=words.examples,
            knowledge=True,
        )
        for name, words in texts.agents.items()
    )
    return App(
        name="parcels",
        language=texts.language,
        agents=agents,
        entry="reception",
        greeting=texts.greeting,
        apology=texts.apology,
        holding=texts.holding,
        knowledge=Knowledge(_PAGES / texts.language, language=texts.language),
        rules=rules_in(texts),
        transfer_target="+15550199",
        lifespan=open_parcels,
        after=after_in(texts),
    )


app = team_in(english.TEXTS)
in_spanish = team_in(spanish.TEXTS)
in_german = team_in(german.TEXTS)
