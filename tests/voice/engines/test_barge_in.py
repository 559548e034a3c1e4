"""How many words take the turn from a speaking agent, in scripts with and without spaces."""

import pytest
from pipecat.frames.frames import BotStartedSpeakingFrame, InterimTranscriptionFrame
from pipecat.turns.types import ProcessFrameResult

from orchestra.voice.engines.turn_detection.barge_in import BargeIn


@pytest.mark.parametrize(
    ("text", "takes_turn"),
    [("wait", False), ("wait please", True), ("不", False), ("不要", True), ("подождите", False), ("รอ", True)],
)
async def test_two_words_take_the_turn_where_two_are_needed(text: str, takes_turn: bool) -> None:
    strategy = BargeIn(min_words=2)
    await strategy.process_frame(BotStartedSpeakingFrame())
    result = await strategy.process_frame(InterimTranscriptionFrame(text, "caller", "2026-11-29T00:00:00Z"))
    assert (result is ProcessFrameResult.STOP) == takes_turn
