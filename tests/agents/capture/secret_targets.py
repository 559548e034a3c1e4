"""The workers that test_secret_survives.py runs as processes and kills. The tool writes to $DOOMED_FILE."""

import os
from pathlib import Path

from orchestra.agents import Agent, App, ToolContext, tool
from orchestra.agents.capture import Card, ask
from orchestra.agents.handlers import Orchestration
from orchestra.execution.handlers import Execution
from tests.agents.capture.ask_targets import models

CARD = ask(Card(cvc=True), "Which card?", name="ask_card")


@tool(needs=(CARD,), idempotent=True)
def send(context: ToolContext) -> str:
    """Send a parcel again."""
    with Path(os.environ["DOOMED_FILE"]).open("a", encoding="utf-8") as file:
        file.write(f"{context.call_state['ask_card']}\n")
    return f"charged {context.call_state['ask_card']}"


app = App(name="pays", agents=(Agent(name="desk", about="sends", prompt="You send.", tools=(send,)),), entry="desk")
orchestration = Orchestration(app).consumer
execution = Execution(app, models).consumer
