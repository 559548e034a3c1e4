"""The caller's side of a recorded call: keys, interruptions and a caller who speaks on are done again as they were."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from orchestra.agents import App
from orchestra.demo import app
from orchestra.demo.lines import keypad
from orchestra.evaluation.sandbox import Candidate, open_sandbox, summarize_recording, with_prompts
from orchestra.settings import Settings
from orchestra_schemas import (
    CallEnded,
    CallStarted,
    DigitPressed,
    Event,
    PromptRequested,
    ReplyChunk,
    ReplyInterrupted,
    ToolCompleted,
    TurnCancelled,
    TurnCompleted,
    UserTurnEnded,
)

CALL = "07-0199a0b4-c0de-7000-8000-00000000aaaa"
WEATHER = "What will the weather be like tomorrow?"
NO_PARCELS = "I am sorry, I can only help you with parcels."


def said(number: int, text: str) -> UserTurnEnded:
    return UserTurnEnded(call=CALL, turn=number, text=text)


def answered(number: int, text: str) -> list[Event]:
    return [
        ReplyChunk(call=CALL, turn=number, text=text, agent="reception"),
        TurnCompleted(call=CALL, turn=number, agent="reception", text=text),
    ]


async def played(tmp_path: Path, answering: App, *recorded: Event, background: str = "") -> Sequence[Event]:
    """The journal of the call that is made of these events."""
    events = [CallStarted(call=CALL, greeting=app.greeting), *recorded, CallEnded(call=CALL, reason="caller_hung_up")]
    recorded = msgspec.structs.replace(summarize_recording(events), background=background)
    async with open_sandbox(Candidate(app=answering, settings=Settings(data_dir=tmp_path, redis_url=None))) as sandbox:
        with sandbox.call(events, recorded) as (caller, journal):
            await caller.play()
            return list(journal.events)


def known_in(events: Sequence[Event], turn: int) -> list[str]:
    """What the agents remembered in the first prompt of a turn."""
    prompt = next(event for event in events if isinstance(event, PromptRequested) and event.turn == turn)
    return [message.content for message in prompt.messages]


@pytest.mark.parametrize(
    ("changed", "remembered"),
    [(NO_PARCELS, "I am sorry, —"), ("Parcels are all I know.", "Parcels are all —")],
    ids=["the same reply", "another reply"],
)
async def test_as_much_of_an_interrupted_reply_is_heard_as_in_the_recording(
    tmp_path: Path, changed: str, remembered: str
) -> None:
    prompts = {agent.name: agent.instructions("en").replace(NO_PARCELS, changed) for agent in app.agents}
    events = await played(
        tmp_path,
        with_prompts(app, prompts),
        said(1, WEATHER),
        *answered(1, NO_PARCELS),
        ReplyInterrupted(call=CALL, turn=1, heard="I am sorry,"),
        said(2, "Do I have to pay customs duty?"),
        *answered(2, "Yes."),
    )
    assert remembered in known_in(events, 2)


async def test_a_caller_who_went_on_speaking_does_so_again(tmp_path: Path) -> None:
    events = await played(
        tmp_path,
        app,
        said(1, WEATHER),
        said(2, "Do I have to pay customs duty?"),
        TurnCancelled(call=CALL, turn=1, reason="superseded"),
        *answered(2, "Yes."),
    )
    ends = [(type(event).__name__, event.turn) for event in events if isinstance(event, TurnCompleted | TurnCancelled)]
    assert ends == [("TurnCancelled", 1), ("TurnCompleted", 2)]


async def test_keys_are_pressed_when_the_agent_asks_for_them(tmp_path: Path) -> None:
    keys = [DigitPressed(call=CALL, turn=2, digit=digit) for digit in "4271#"]
    events = await played(
        tmp_path,
        replace(keypad, lifespan=None),
        said(1, "Hello, where is my parcel?"),
        *answered(1, "Which parcel number is it?"),
        said(2, "I would like to type it in."),
        *keys,
        *answered(2, "It is in Hill Street."),
    )
    results = {event.name: event.result for event in events if isinstance(event, ToolCompleted)}
    assert results["collect_digits"] == "4271"


async def test_agents_know_what_they_knew_of_earlier_calls(tmp_path: Path) -> None:
    background = "This caller has called before:\n- 2 days ago, 3 turns"
    events = await played(tmp_path, app, said(1, WEATHER), *answered(1, NO_PARCELS), background=background)
    assert known_in(events, 1)[1].endswith(background)
