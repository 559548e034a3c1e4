"""The app of these calls: one agent, and a tool that must not run twice."""

import asyncio
import os
from pathlib import Path

from orchestra.agents import Agent, App, ToolContext, tool
from tests.faults.spoken import tones

DEED_S = 0.3


def _write_down(deed: str) -> None:
    with Path(os.environ["SPOKEN_DEEDS"]).open("a", encoding="utf-8") as deeds:
        deeds.write(deed)


@tool
async def order(what: str, context: ToolContext) -> str:
    """Order something."""
    await asyncio.to_thread(_write_down, f"{context.call} {context.idempotency_key}\n")
    await asyncio.sleep(DEED_S)
    return f"ordered {what}"


app = App(
    name="spoken",
    agents=(Agent(name="desk", about="everything", prompt="You answer.", tools=(order,)),),
    entry="desk",
    greeting=tones.GREETING,
    holding=tones.HOLDING,
    apology=tones.APOLOGY,
    still_there=tones.STILL_THERE,
)
