import datetime as dt
import enum
import threading
from typing import Annotated, Literal

import msgspec
import pytest

from orchestra.agents import Tool, ToolContext, tool
from orchestra.errors import AppError, RejectedError

CONTEXT = ToolContext(call="07-x", turn=1, idempotency_key="key-1", caller_number="+15550001")


class Size(enum.Enum):
    SMALL = "small"
    LARGE = "large"


class Address(msgspec.Struct):
    street: str
    number: int = 1


@tool(examples=("send it",))
async def send(
    to: Address,
    size: Size,
    day: Annotated[dt.date, "the day"],
    context: ToolContext,
    how: Literal["fast", "slow"] = "slow",
) -> str:
    """Send a parcel.

    Not for letters.
    """
    return f"{to.street} {size.value} {day:%d.%m.} {how} {context.idempotency_key}"


def test_the_model_reads_name_docstring_and_examples() -> None:
    assert (send.name, send.description) == ("send", "Send a parcel.")
    assert send.name == "send"
    assert send.schema_in("en").description == 'Send a parcel. Examples: "send it".'


def test_the_schema_of_the_arguments_is_whole_and_comes_from_the_annotations() -> None:
    schema = send.parameters
    assert schema["type"] == "object"
    assert schema["required"] == ["to", "size", "day"]
    assert schema["additionalProperties"] is False
    properties = schema["properties"]
    assert set(properties) == {"to", "size", "day", "how"}
    assert properties["to"]["properties"]["street"] == {"type": "string"}
    assert properties["size"]["enum"] == ["large", "small"]
    assert properties["day"] == {"type": "string", "format": "date", "description": "the day"}
    assert properties["how"] == {"enum": ["fast", "slow"], "default": "slow"}


async def test_arguments_arrive_in_the_types_they_are_annotated_with() -> None:
    result = await send.run('{"to":{"street":"Hill"},"size":"small","day":"2026-11-03"}', CONTEXT)
    assert result == "Hill small 03.11. slow key-1"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ('{"to":{"street":"Hill"},"size":"huge","day":"2026-11-03"}', r"Invalid enum value 'huge' - at `\$.size`"),
        ('{"to":{"street":"Hill"},"size":"small"}', "missing required field `day`"),
        ('{"to":{"street":"Hill"},"size":"small","day":"2026-11-03","why":1}', "unknown field `why`"),
        ('{"to":', "wrong arguments for send"),
        ("[]", "Expected `object`"),
    ],
)
async def test_wrong_arguments_are_rejected_with_location_and_reason(arguments: str, complaint: str) -> None:
    with pytest.raises(RejectedError, match=complaint):
        await send.run(arguments, CONTEXT)


async def test_a_number_is_taken_for_the_text_that_was_asked_for() -> None:
    @tool
    async def find(number: str) -> str:
        return number

    assert await find.run('{"number":4271}', CONTEXT) == "4271"


async def test_a_function_that_is_not_async_runs_in_a_thread_of_its_own() -> None:
    @tool
    def where() -> bool:
        return threading.current_thread() is threading.main_thread()

    assert await where.run("", CONTEXT) == "false"


async def test_a_result_that_is_not_text_becomes_json() -> None:
    @tool
    def address() -> Address:
        return Address("Hill", 3)

    assert await address.run("{}", CONTEXT) == '{"street":"Hill","number":3}'


def test_a_tool_can_be_called_like_its_function() -> None:
    @tool
    def double(number: int) -> int:
        return 2 * number

    assert isinstance(double, Tool)
    assert double(4) == 8


def test_an_argument_without_a_type_is_refused_with_its_name() -> None:
    with pytest.raises(AppError, match="tool find: argument 'number' needs a type annotation"):

        @tool
        def find(number) -> str:  # type: ignore[no-untyped-def]  # noqa: ANN001
            return str(number)


def test_a_type_that_json_cannot_carry_is_refused() -> None:
    with pytest.raises(AppError, match="tool find: an argument has a type that JSON cannot carry"):

        @tool
        def find(number: complex) -> str:
            return str(number)
