import msgspec
import pytest

from orchestra.history.call_record import CallRecord
from orchestra.history.reduce import history_of
from orchestra.history.usage import Predictions, Tokens
from orchestra.history.views.call_record import call_record
from orchestra.prices import ModelPrice, Prices
from orchestra.settings import Settings
from orchestra.storage.call_records import find_call
from orchestra.testing import TestBus
from orchestra_schemas import (
    CallAnalysed,
    CallEnded,
    CallStarted,
    Event,
    PromptCompleted,
    SpeechMetered,
    UserTurnEnded,
    UserTurnPredicted,
    UserTurnResumed,
)
from orchestra_workers.persistence import consumer

CALL = "07-0199a0b4c0de7000800000000000aaaa"
PRICES = Prices(
    models={"big": ModelPrice(prompt_per_million=2.0, completion_per_million=10.0)},
    tts_per_1000_characters={"elevenlabs": 0.05},
    stt_per_minute={"deepgram": 0.006},
    call_per_minute=0.012,
)


def a_call(call: str = CALL) -> list[Event]:
    return [
        CallStarted(call=call, at=100.0),
        SpeechMetered(call=call, at=103.0, stt="deepgram", stt_s=3.0, tts="elevenlabs", tts_characters=100),
        PromptCompleted(call=call, at=105.0, request="r", model="big", prompt_tokens=1000, completion_tokens=50),
        PromptCompleted(call=call, at=107.0, request="s", model="big", prompt_tokens=1000, completion_tokens=50),
        SpeechMetered(call=call, at=110.0, stt="deepgram", stt_s=7.0, tts="elevenlabs", tts_characters=300),
    ]


def recorded(*events: Event, prices: Prices = PRICES) -> CallRecord:
    return call_record(history_of(events), prices)


def test_what_a_running_call_has_used_is_counted_by_model_and_engine() -> None:
    used = recorded(*a_call()).usage
    assert {name: (tokens.prompt, tokens.completion) for name, tokens in used.models.items()} == {"big": (2000, 100)}
    assert (used.stt_s, used.tts_characters, used.call_s) == ({"deepgram": 10.0}, {"elevenlabs": 400}, 10.0)


def test_an_analysis_counts_for_each_model_that_it_has_asked() -> None:
    several = {"big": (300, 20), "small": (100, 10)}
    used = recorded(
        *a_call(),
        CallAnalysed(call=CALL, model="small", prompt_tokens=400, completion_tokens=30, tokens_of=several),
        CallAnalysed(call=CALL, model="small", prompt_tokens=7, completion_tokens=1),
        CallAnalysed(call=CALL),
    ).usage.models
    counted = {name: (tokens.prompt, tokens.completion) for name, tokens in used.items()}
    assert counted == {"big": (2300, 120), "small": (107, 11)}


def test_every_part_has_its_price() -> None:
    cost = recorded(*a_call()).cost
    assert cost is not None
    assert (cost.models, cost.tts, cost.stt, cost.call) == (0.005, 0.02, 0.001, 0.002)
    assert (cost.total, cost.currency, cost.unpriced) == (0.028, "USD", [])


def test_an_ended_call_is_charged_to_its_end_and_what_comes_late_does_not_prolong_it() -> None:
    ended = CallEnded(call=CALL, at=160.0, reason="caller_hung_up", duration_s=60.0)
    late = PromptCompleted(call=CALL, at=500.0, request="t", model="big", prompt_tokens=1)
    record = recorded(*a_call(), ended, late)
    assert record.usage.call_s == 60.0
    assert record.cost is not None
    assert record.cost.call == 0.012


def test_no_price_is_built_in() -> None:
    record = recorded(*a_call(), prices=Prices())
    assert record.cost is None
    assert record.usage.models["big"].prompt == 2000


def test_what_has_no_price_is_named_and_not_in_the_total() -> None:
    some = Prices(stt_per_minute={"deepgram": 0.6}, currency="EUR")
    free = SpeechMetered(call=CALL, at=120.0, stt="local", stt_s=4.0)
    cost = recorded(*a_call(), free, prices=some).cost
    assert cost is not None
    assert (cost.total, cost.currency) == (0.1, "EUR")
    assert cost.unpriced == ["big", "tts elevenlabs", "stt local", "call"]


def test_a_prompt_that_was_cancelled_counts_no_tokens() -> None:
    cancelled = PromptCompleted(call=CALL, at=101.0, request="r", finish_reason="cancelled")
    assert recorded(CallStarted(call=CALL, at=100.0), cancelled).usage.models == {}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"prices": PRICES})


async def test_the_cost_can_be_read_while_the_call_runs(bus: TestBus) -> None:
    call = bus.call()
    async with bus.run(consumer):
        await bus.publish(*a_call(call))
        await bus.settled()
        running = await find_call(bus.bus, call)
        await bus.publish(CallEnded(call=call, at=160.0, reason="caller_hung_up", duration_s=60.0))
        await bus.settled()
        ended = await find_call(bus.bus, call)
    assert running is not None
    assert running.cost is not None
    assert ended is not None
    assert ended.cost is not None
    assert (running.status, running.cost.total, ended.cost.total) == ("running", 0.028, 0.038)
    assert msgspec.json.decode(msgspec.json.encode(ended), type=CallRecord) == ended


def prompted(turn: int, tokens: int, *, at: float = 105.0) -> PromptCompleted:
    return PromptCompleted(
        call=CALL,
        turn=turn,
        at=at,
        request=f"r{turn}",
        model="big",
        prompt_tokens=tokens,
        completion_tokens=tokens // 10,
    )


def test_what_wrong_predictions_have_used_is_told_apart() -> None:
    record = recorded(
        CallStarted(call=CALL, at=100.0),
        UserTurnPredicted(call=CALL, turn=1, at=101.0, text="a"),
        prompted(1, 1000),
        UserTurnResumed(call=CALL, turn=1, at=102.0),
        UserTurnPredicted(call=CALL, turn=2, at=103.0, text="a b"),
        UserTurnResumed(call=CALL, turn=2, at=104.0, reason="other_words"),
        prompted(2, 500),  # stopped, and counted after its turn was void
        UserTurnPredicted(call=CALL, turn=3, at=105.0, text="a c"),
        prompted(3, 2000),
        UserTurnEnded(call=CALL, turn=3, at=106.0, text="a c", predicted=True),
    )
    predictions = record.usage.predictions
    assert isinstance(predictions, Predictions)
    assert (predictions.made, predictions.resumed, predictions.other_words, predictions.wasted_prompts) == (3, 1, 1, 2)
    assert predictions.wasted == {"big": Tokens(1500, 150)}
    assert record.usage.models == {"big": Tokens(3500, 350)}
    assert record.cost is not None
    assert record.cost.wasted == 0.0045


def test_a_call_without_predictions_says_nothing_of_them() -> None:
    record = recorded(*a_call())
    assert "predictions" not in msgspec.to_builtins(record)["usage"]
    assert "wasted" not in msgspec.to_builtins(record)["cost"]
