"""The table of texts that redaction is measured by: what it misses, and what it takes for personal, may not grow."""

import pytest

from orchestra.language.values import values_of
from orchestra.telemetry.spoken_digits import may_say_digits
from tests.telemetry.redaction_table import counted, result, rows

TABLE = rows()


def test_the_table_is_as_large_as_it_is_said_to_be() -> None:
    kinds = {row.kind.partition(" ")[0] for row in TABLE}
    assert len(TABLE) >= 260
    assert kinds == {"phone", "spoken", "card", "iban", "e-mail", "app's", "two", "keys", "harmless"}
    assert len({row.kind for row in TABLE if row.kind.startswith("phone ")}) >= 30
    assert {row.language for row in TABLE if row.kind == "spoken number"} == {"en", "es", "de", "fr", "it", "pt", "nl"}


def test_of_the_table_no_text_is_missed_and_none_is_a_false_alarm() -> None:
    assert counted([result(row) for row in TABLE]) == (0, 0)


@pytest.mark.parametrize("code", ["en", "es", "de", "fr", "it", "pt", "nl"])
def test_every_number_below_a_hundred_makes_the_screen_look_closer(code: str) -> None:
    words = [word for word in values_of(code).numbers if " " not in word and word not in {"eine", "einen", "einer"}]
    assert [word for word in words if not may_say_digits(f"{word} {word} {word}")] == []
