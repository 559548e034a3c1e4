"""`orchestra init`: writes an app with knowledge, scenarios of its callers and a test to start from."""

from pathlib import Path
from typing import Annotated

import typer

from orchestra.cli.ui.terminal import say
from orchestra.cli.ui.write_errors import writing
from orchestra.errors import UsageError

APP = '''"""The app of {title}: change the agents, their tools and their knowledge."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from orchestra import Agent, App, Knowledge, Sentence, ToolContext, rule, tool


@asynccontextmanager
async def open_orders() -> AsyncIterator[dict[str, str]]:
    """What the tools get as `context.resources`: the orders by number. Open your database here."""
    yield {{"12": "is being packed", "34": "is on its way"}}


@tool(filler="One moment, I am looking that up.", idempotent=True, examples=("where is my order",))
async def find_order(number: Annotated[str, "order number, two digits"], context: ToolContext) -> str:
    """Find out where an order is."""
    status = context.resources.get(number)
    return f"Your order {{' '.join(number)}} {{status}}." if status else "I cannot find an order with that number."


@tool(
    needs_confirmation="Shall I cancel order {{number}}?",
    examples=("cancel my order", "I do not want it any more"),
)
async def cancel_order(number: Annotated[str, "order number, two digits"], context: ToolContext) -> str:
    """Cancel an order."""
    known = context.resources.pop(number, "")
    return f"Order {{number}} is cancelled." if known else "I cannot find an order with that number."


@rule
def no_promises(sentence: Sentence) -> str | None:
    """Never promise anything, whatever the model writes."""
    return "A person has to decide about that." if "guarantee" in sentence.text.lower() else None


app = App(
    name="{module}",
    agents=(
        Agent(
            name="reception",
            about="questions about {title}: opening hours, orders",
            prompt=(
                "You answer the telephone of {title} in one or two short sentences. Facts come from tools only: "
                "search_knowledge for opening hours, find_order for orders. Say good-bye with end_call."
            ),
            tools=(find_order, cancel_order),
            knowledge=True,
        ),
    ),
    entry="reception",
    greeting="Welcome to {title}. How can I help you?",
    knowledge=Knowledge(Path(__file__).parent / "knowledge"),
    rules=(no_promises,),
    lifespan=open_orders,
)
'''

SCENARIOS = '''"""Who calls {title} in `orchestra simulate`, and what is true afterwards."""

from orchestra import Scenario


def only_order_12_is_gone(history, orders) -> bool | str:
    """Whether the right order was cancelled: `orders` is what open_orders has opened for this call."""
    return list(orders) == ["34"] or f"the orders left are {{list(orders)}}"


scenarios = (
    Scenario(
        name="opening-hours",
        goal="find out when {title} opens",
        opening="What are your opening hours?",
        satisfied_by=("nine in the morning",),
        words=("Monday to Friday",),
    ),
    Scenario(
        name="order-found",
        persona="Somebody who has waited for a week, and is a little impatient.",
        goal="find out where the order is",
        facts={{"order number": "34"}},
        opening="Where is my order?",
        satisfied_by=("on its way",),
        tools=({{"name": "find_order", "arguments": {{"number": "34"}}}},),
    ),
    Scenario(
        name="order-cancelled",
        persona="Somebody who has ordered the wrong thing.",
        goal="have the order cancelled",
        facts={{"order number": "12"}},
        opening="Please cancel my order.",
        answers={{"Shall I cancel": "Yes, please."}},
        satisfied_by=("is cancelled",),
        success=only_order_12_is_gone,
        criterion="The agent has asked before it cancelled the order.",
    ),
)
'''

TEST = '''"""Calls of `{module}`, typed instead of spoken, through the workers on a real server."""

import time

import pytest

from orchestra.testing import TestBus, bus, redis_url, settings  # noqa: F401 - fixtures
from orchestra.events import CallStarted, ReplyChunk, UserTurnEnded
from orchestra.execution.handlers import Execution
from orchestra.agents.handlers import Orchestration

from {module} import app

pytestmark = pytest.mark.asyncio


async def said_to(bus: TestBus, *words: str) -> str:  # noqa: F811
    """Everything that the agents say in a call in which the caller says these words."""
    call = bus.call()
    async with bus.run(Orchestration(app).consumer, Execution(app).consumer):
        await bus.publish(CallStarted(call=call, greeting=app.greeting))
        for turn, text in enumerate(words, 1):
            await bus.publish(UserTurnEnded(call=call, turn=turn, text=text, at=time.time()))
            await bus.settled()
    return " ".join(chunk.text for chunk in await bus.published(ReplyChunk, call))


async def test_the_opening_hours_are_known(bus: TestBus) -> None:  # noqa: F811
    assert "nine in the morning" in await said_to(bus, "What are your opening hours?")


async def test_an_order_is_found(bus: TestBus) -> None:  # noqa: F811
    assert "is on its way" in await said_to(bus, "Where is my order, number 34?")


async def test_an_order_is_cancelled_only_after_a_yes(bus: TestBus) -> None:  # noqa: F811
    said = await said_to(bus, "Please cancel my order, number 12.", "Yes, please.")
    assert "Shall I cancel order twelve?" in said
    assert "cancelled" in said
'''

PAGE = """# Opening hours

We are open from Monday to Friday, from nine in the morning to five in the afternoon.
On Saturday and Sunday we are closed.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(init)


def init(
    name: Annotated[str, typer.Argument(help="Name of the app and its folder, such as flower-shop.")],
    folder: Annotated[Path, typer.Option("--folder", help="Where to create the folder.")] = Path(),
) -> None:
    """Write an app that answers calls right away, with knowledge, scenarios of its callers and a test."""
    module = name.replace("-", "_")
    if not module.isidentifier() or not name.isascii():
        msg = f"{name!r} is not a valid name of an app: use letters, digits, - and _"
        raise UsageError(msg)
    place = folder / name
    if place.exists():
        msg = f"{place} exists already: choose another name, or another --folder"
        raise UsageError(msg)
    words = {"module": module, "title": " ".join(part.capitalize() for part in module.split("_"))}
    files = {
        f"{module}.py": APP.format(**words),
        f"test_{module}.py": TEST.format(**words),
        "scenarios.py": SCENARIOS.format(**words),
        "knowledge/hours.md": PAGE,
    }
    for path, text in files.items():
        with writing(place / path):
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_text(text, encoding="utf-8")
        say(f"wrote {place / path}")
    say(f"run it:   cd {place} && ORCHESTRA_APP={module}:app orchestra up --reload")
    say('call it:  orchestra call --say "What are your opening hours?"')
    say(f"try it:   cd {place} && ORCHESTRA_APP={module}:app orchestra simulate")
    say(f"test it:  cd {place} && python -m pytest    # pip install 'orchestra-voice[test]' brings pytest")
