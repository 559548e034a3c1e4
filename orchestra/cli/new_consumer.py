"""`orchestra new-consumer`: writes a consumer and its test to start from."""

from pathlib import Path
from typing import Annotated

import typer

from orchestra.cli.ui.terminal import say
from orchestra.cli.ui.write_errors import writing
from orchestra.errors import UsageError

CONSUMER = '''"""{title}: describe in a sentence what it does with the turns of a call."""

from orchestra import Consumer
from orchestra.events import Event, UserTurnEnded


class {event}(Event, frozen=True, kw_only=True):
    """Published by this consumer. Fields are only ever added, each with a default."""

    words: int = 0


consumer = Consumer("{group}")  # the consumer group's name


@consumer.on(UserTurnEnded)
async def handle(event: UserTurnEnded) -> {event}:
    """Called for every turn. The returned event is published in the same step that marks the turn as handled."""
    return {event}(call=event.call, turn=event.turn, words=len(event.text.split()))
'''

TEST = '''"""`{module}` on a real server, which the fixture starts."""

import pytest

from orchestra.testing import TestBus, bus, redis_url, settings  # noqa: F401 - fixtures
from orchestra.events import UserTurnEnded

from {module} import {event}, consumer

pytestmark = pytest.mark.asyncio


async def test_every_turn_is_counted_once(bus: TestBus) -> None:  # noqa: F811
    async with bus.run(consumer):
        await bus.publish(UserTurnEnded(call=bus.call(), turn=1, text="where is my parcel"))
        await bus.settled()
    assert [event.words for event in await bus.published({event})] == [4]
'''


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("new-consumer")(new_consumer)


def new_consumer(
    name: Annotated[str, typer.Argument(help="Name of the consumer group, such as mood.")],
    folder: Annotated[Path, typer.Option("--folder", help="Where to write the two files.")] = Path(),
) -> None:
    """Write a consumer that runs right away, and its test."""
    from orchestra.bus.consumer.definition import PLATFORM

    module = name.replace("-", "_")
    if not module.isidentifier() or not name.isascii():
        msg = f"{name!r} is not a valid name of a consumer: use letters, digits, - and _"
        raise UsageError(msg)
    if name in PLATFORM:
        msg = (
            f"{name!r} is the name of one of the platform's own groups ({', '.join(sorted(PLATFORM))}): choose another"
        )
        raise UsageError(msg)
    title = "".join(part.capitalize() for part in module.split("_"))
    files = {folder / f"{module}.py": CONSUMER, folder / f"test_{module}.py": TEST}
    for path in files:
        if path.exists():
            msg = f"{path} exists already: choose another name, or another --folder"
            raise UsageError(msg)
    for path, template in files.items():
        text = template.format(title=title, event=f"{title}Measured", group=name, module=module)
        with writing(path):
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        say(f"wrote {path}")
    place = "" if folder == Path() else f"cd {folder} && "
    say(f"run it:   {place}orchestra worker {module}:consumer --reload")
    say(f"test it:  {place}python -m pytest test_{module}.py    # pip install 'orchestra-voice[test]' brings pytest")
