"""Consumers for the tests of replaying into one."""

from orchestra import Consumer, Context
from orchestra_schemas import CallEnded, CallStarted, Event, UserTurnEnded


class TemperScored(Event, frozen=True, kw_only=True):
    """How the caller felt."""

    mood: str = ""


class TemperSummed(Event, frozen=True, kw_only=True):
    """How they felt over the call."""

    moods: str = ""


def mood_consumer(mood_of: str = "good", *, also: bool = False, silent: bool = False) -> Consumer:
    """Scores every turn, and sums up what it reads of its own scores at the end of the call."""
    consumer = Consumer("mood")

    @consumer.on(UserTurnEnded)
    async def score(event: UserTurnEnded) -> list[Event]:
        if silent:
            return []
        scored = TemperScored(call=event.call, turn=event.turn, mood=mood_of)
        return [scored, TemperScored(call=event.call, turn=event.turn, mood="more")] if also else [scored]

    @consumer.on(TemperScored)
    async def remember(event: TemperScored, context: Context) -> None:
        before = await context.state.get("moods") or b""
        context.state.set("moods", before + b" " + event.mood.encode())

    @consumer.on(CallEnded)
    async def total(event: CallEnded, context: Context) -> TemperSummed:
        return TemperSummed(call=event.call, moods=(await context.state.get("moods") or b"").decode().strip())

    return consumer


consumer = mood_consumer()
grumpy = mood_consumer("bad")


def turns_of(call: str, turns: int = 3) -> list[Event]:
    """What an edge publishes of a call."""
    said = [UserTurnEnded(call=call, turn=turn, text=f"words {turn}") for turn in range(1, turns + 1)]
    return [CallStarted(call=call, from_number="+15550001"), *said, CallEnded(call=call, reason="caller_hung_up")]
