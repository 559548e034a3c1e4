"""The tokens of an answer that is stopped: the server's count as far as it has told one, else an estimate."""

from orchestra.execution.models import ModelAnswer, TextDelta
from orchestra.execution.token_meter import TokenCount, TokenMeter
from orchestra_schemas import Message, PromptRequested, ToolSchema

PROMPT = PromptRequested(call="c", turn=1, agent="a", messages=(Message(role="user", content="x" * 400),))


def test_a_prompt_that_was_never_asked_has_cost_nothing() -> None:
    assert TokenMeter().count() == TokenCount()


def test_an_answer_that_has_not_begun_costs_its_prompt() -> None:
    meter = TokenMeter()
    meter.ask("m", PROMPT)
    assert meter.count() == TokenCount(prompt=100, estimated=True)


def test_offered_tools_are_part_of_the_estimated_prompt() -> None:
    meter = TokenMeter()
    tool = ToolSchema(name="t", description="d" * 400)
    meter.ask("m", PromptRequested(call="c", turn=1, agent="a", messages=PROMPT.messages, tools=(tool,)))
    assert meter.count().prompt >= 200


def test_pieces_of_a_tool_call_count_though_they_have_no_text() -> None:
    meter = TokenMeter()
    meter.ask("m", PROMPT)
    for _ in range(5):
        meter.take(TextDelta(""))
    assert meter.count().completion == 5


def test_long_pieces_count_by_their_characters() -> None:
    meter = TokenMeter()
    meter.ask("m", PROMPT)
    meter.take(TextDelta("y" * 80))
    assert meter.count().completion == 20


def test_the_servers_own_count_goes_before_the_estimate() -> None:
    meter = TokenMeter()
    meter.ask("m", PROMPT)
    meter.take(TextDelta("Hello", prompt_tokens=93, completion_tokens=1))
    meter.take(TextDelta(" there", prompt_tokens=93, completion_tokens=2))
    assert meter.count() == TokenCount(prompt=93, completion=2)


def test_a_fallback_model_starts_from_zero() -> None:
    meter = TokenMeter()
    meter.ask("first", PROMPT)
    meter.take(ModelAnswer(text="y" * 80, prompt_tokens=7, completion_tokens=20))
    meter.ask("second", PROMPT)
    assert (meter.model, meter.count()) == ("second", TokenCount(prompt=100, estimated=True))
