"""An app that knows who calls as soon as a file is there: its test decides when."""

import asyncio
import os
from pathlib import Path

from orchestra import Agent, App, NewCall

#: the environment variable with the file
ANSWER = "SLOW_CUSTOMERS_ANSWER"

app = App(
    name="slow",
    agents=(Agent(name="desk", about="all questions", prompt="You answer for the boutique."),),
    entry="desk",
    greeting="Hello {customer.name|stranger}. How can I help you?",
)


@app.on_call
async def look_up(_: NewCall) -> dict[str, object]:
    while not Path(os.environ[ANSWER]).exists():  # noqa: ASYNC110, ASYNC240 - another process makes it
        await asyncio.sleep(0.02)
    return {"customer": {"name": "Ada"}}
