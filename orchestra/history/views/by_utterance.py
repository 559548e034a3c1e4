"""The turns of a scripted call, matched with the utterances that the caller actually spoke."""

import bisect
from collections.abc import Sequence

from msgspec.structs import replace

from orchestra.history.call import CallHistory, Turn
from orchestra.history.turn import join


def by_utterance(history: CallHistory, begins: Sequence[float]) -> list[Turn]:
    """The turns of a call by utterance: index 0 is the greeting, index n the caller's n-th utterance.

    The edge numbers turns as it hears them end. If it split one utterance into two turns, they are matched by time and
    count as one. ``begins``: when each utterance began, epoch seconds on the same clock as the edge's.
    """
    found = [Turn(number=number) for number in range(len(begins) + 1)]
    for turn in history.turns:
        if turn.ended is not None:
            index = bisect.bisect_right(begins, turn.ended.speech_ended_at or turn.ended.at)
        elif turn.number == 0:
            index = 0
        else:
            continue
        found[index] = _merged(found[index], turn)
    return found


def _merged(turn: Turn, more: Turn) -> Turn:
    return replace(
        turn,
        transcript=join(turn.transcript, more.transcript),
        reply=join(turn.reply, more.reply),
        reply_heard=join(turn.reply_heard, more.reply_heard),
        agent=more.speaker if more.reply else turn.agent,
        tools=(*turn.tools, *(step for step in more.tools if step.requested is not None)),
        interrupted=turn.interrupted or more.interrupted,
        failed=turn.failed or more.failed,
        latencies=(*turn.latencies, *more.latencies),
    )
