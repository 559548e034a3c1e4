"""Digits by key: as many as are wanted, up to the terminator or a pause, across a takeover."""

import asyncio
import time

import pytest

from orchestra.agents.builtin import collect_digits
from orchestra.execution.keypad import NOTHING, Key, Keypad
from orchestra.testing import TestBus
from orchestra_schemas import DigitPressed, ReplyChunk, ToolCompleted, ToolRequested
from tests.agents.team import Line, Parcels, team


async def collected(pressed: str, *, length: int = 0, terminator: str = "#") -> str:
    keys = await Keypad().collect(
        "c",
        pressed=map(Key, pressed),
        length=length,
        terminator=terminator,
        first_within_s=0.02,
        next_within_s=0.02,
        all_within_s=1.0,
    )
    return keys.text


@pytest.mark.parametrize(
    ("pressed", "length", "terminator", "digits"),
    [
        ("4271", 4, "#", "4271"),
        ("42719", 4, "#", "4271"),
        ("4271#9", 0, "#", "4271"),
        ("42#71", 0, "", "42#71"),
        ("4271", 0, "#", "4271"),  # a pause ends them
        ("42#", 4, "#", "I got only 2 digits."),
        ("", 4, "#", NOTHING),
        ("#", 0, "#", NOTHING),
    ],
)
async def test_digits_end_at_their_length_at_the_terminator_or_at_a_pause(
    pressed: str, length: int, terminator: str, digits: str
) -> None:
    assert await collected(pressed, length=length, terminator=terminator) == digits


async def test_a_key_is_dropped_when_no_tool_waits_for_it() -> None:
    keypad = Keypad()
    keypad.press("c", Key("1"))
    collecting = asyncio.create_task(
        keypad.collect("c", length=1, terminator="", first_within_s=1, next_within_s=1, all_within_s=1)
    )
    await asyncio.sleep(0)
    keypad.press("other", Key("3"))
    keypad.press("c", Key("2"))
    assert (await collecting).text == "2"


async def test_the_tool_asks_and_returns_what_is_pressed(bus: TestBus) -> None:
    line = Line(bus, lambda _: [], app=team(Parcels(), tools=(collect_digits,)))
    async with line.bus.run(line.execution().consumer):
        request = ToolRequested(
            call=line.call,
            turn=1,
            agent="tracking",
            name="collect_digits",
            arguments='{"question": "Your number, please.", "length": 4}',
            deadline=time.time() + 30,
        )
        await line.bus.publish(request)
        await line.until(ReplyChunk)
        await line.bus.publish(*(DigitPressed(call=line.call, turn=1, digit=digit) for digit in "4271"))
        await line.bus.settled()
    assert [chunk.text for chunk in await line.events(ReplyChunk)] == ["Your number, please."]
    assert [done.result for done in await line.events(ToolCompleted)] == ["4271"]
