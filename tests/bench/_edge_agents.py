"""The agents of the edge benchmark: one consumer on the bus that answers every turn at once."""

from orchestra import Consumer
from orchestra_schemas import Event, ReplyChunk, TurnCompleted, UserTurnEnded
from tests.bench._edge_answer import ANSWER

consumer = Consumer("agents")


@consumer.on(UserTurnEnded)
async def answer(event: UserTurnEnded) -> list[Event]:
    """Answer with one sentence."""
    said = ReplyChunk(call=event.call, turn=event.turn, text=ANSWER, agent="reception")
    return [said, TurnCompleted(call=event.call, turn=event.turn, agent="reception")]
