"""A back-channel is in the journal, and in no turn."""

from orchestra.history.reduce import history_of
from orchestra_schemas import (
    BackchannelHeard,
    CallStarted,
    Event,
    ReplySpoken,
    TranscriptFinal,
    UserSpeechStarted,
    UserTurnEnded,
)

CALL = "00-01a22253-6125-7c0b-aee0-5c0068a06545"


def heard(text: str, turn: int, at: float) -> list[Event]:
    return [
        UserSpeechStarted(call=CALL, turn=turn, at=at),
        TranscriptFinal(call=CALL, turn=turn, at=at + 0.5, text=text, confidence=0.3),
    ]


def test_a_back_channel_belongs_to_no_turn_and_its_confidence_to_no_other_one() -> None:
    journal: list[Event] = [
        CallStarted(call=CALL, at=1000.0, app="test"),
        *heard("where is my parcel", 1, 1001.0),
        UserTurnEnded(call=CALL, turn=1, at=1002.0, text="where is my parcel"),
        *heard("mhm", 2, 1004.0),
        BackchannelHeard(call=CALL, turn=1, at=1005.0, text="mhm"),
        ReplySpoken(call=CALL, turn=1, at=1008.0, text="It is in Denver."),
    ]
    history = history_of(journal)
    assert [turn.number for turn in history.turns] == [1]
    assert history.turns[0].reply_heard == "It is in Denver."
    assert not history.turns[0].interrupted
    later = history_of([*journal, UserTurnEnded(call=CALL, turn=2, at=1012.0, text="thank you")])
    assert [(turn.number, turn.transcript, turn.confidence) for turn in later.turns][1] == (2, "thank you", 1.0)
    assert later.turns[1].finals == ()
