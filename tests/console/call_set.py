"""A few calls on a journal, which differ in everything that the list of calls can be asked for."""

from dataclasses import dataclass

from orchestra.testing import TestBus
from orchestra_schemas import (
    AgentChanged,
    CallEnded,
    CallStarted,
    CallTransferRequested,
    Event,
    PromptCompleted,
    PromptRequested,
    ReplyInterrupted,
    ToolCompleted,
    ToolRequested,
    TurnCompleted,
    TurnMeasured,
    UserTurnEnded,
)

#: 2026-11-20 and the day after, 12:00 UTC
DAY, NEXT_DAY = 1_795_176_000.0, 1_795_262_400.0
HOSTILE = "<script>alert(1)</script> \"'\\ \u202eورق"


@dataclass(frozen=True)
class CallSet:
    """Two calls that have ended, and one that runs."""

    parcel: str
    hostile: str
    running: str


def _call(call: str, at: float, number: str, app: str, said: str, *more: Event, wait_ms: float = 800) -> list[Event]:
    agent = "tracking" if app == "bank" else "reception"
    return [
        CallStarted(call=call, at=at, from_number=number, to_number="+15550100", app=app, version="shop/1"),
        AgentChanged(call=call, at=at, agent=agent),
        UserTurnEnded(call=call, at=at + 1, turn=1, text=said),
        TurnCompleted(call=call, at=at + 2, turn=1, agent=agent, text="One moment.", model="m", version=f"{app}/1"),
        TurnMeasured(call=call, at=at + 2, turn=1, total_ms=wait_ms, first_token_ms=wait_ms / 2),
        *more,
    ]


async def publish(bus: TestBus) -> CallSet:
    """Put the calls on the journal."""
    calls = CallSet(bus.call(), bus.call(), bus.call())
    one, two = calls.parcel, calls.hostile
    *_, asked, prompt = await bus.publish(
        *_call(one, DAY, "+15550001", "bank", "Where is my parcel?", wait_ms=2400),
        ToolRequested(call=one, at=DAY + 2, turn=1, agent="tracking", name="find_parcel"),
        PromptRequested(call=one, at=DAY + 2, turn=1, agent="tracking", model="m"),
    )
    await bus.publish(
        ToolCompleted(call=one, at=DAY + 3, turn=1, request=asked.id, name="find_parcel", failed=True),
        PromptCompleted(
            call=one, at=DAY + 3, turn=1, request=prompt.id, model="m", prompt_tokens=10, completion_tokens=1
        ),
        ReplyInterrupted(call=one, at=DAY + 4, turn=1, heard="One"),
        CallTransferRequested(call=one, at=DAY + 5, target="+15550199"),
        CallEnded(call=one, at=DAY + 65, reason="transferred", duration_s=65),
        *_call(two, NEXT_DAY, "+15550002", HOSTILE, HOSTILE, CallEnded(call=two, at=NEXT_DAY + 9, reason="failed")),
        *_call(calls.running, NEXT_DAY + 60, "+15550003", "bank", "Hello?"),
    )
    # that it runs is known by its record
    await bus.bus.redis.hset(bus.bus.key(calls.running, "call", calls.running), mapping={"status": "running"})
    return calls
