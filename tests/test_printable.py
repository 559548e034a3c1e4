"""No text of people, models or files can control the terminal that shows it."""

import json
import sys
import unicodedata

import pytest

from orchestra.printable import escaped, printable

DRIVES = [
    chr(number)
    for number in range(sys.maxunicode + 1)
    if unicodedata.category(chr(number)) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and chr(number) not in "\n\t"
]


def test_every_control_or_invisible_character_is_replaced() -> None:
    assert printable("".join(DRIVES)) == "�" * len(DRIVES)


@pytest.mark.parametrize("text", ["Grüß Gott, 你好, नमस्ते, 🙂, ½, [red]no style[/]", "two\nlines\tand a tab", ""])
def test_text_in_any_language_is_unchanged(text: str) -> None:
    assert printable(text) == text
    assert escaped(text) == text


def test_json_keeps_its_values_and_loses_control_characters() -> None:
    words = "".join(mark for mark in DRIVES if not "\ud800" <= mark <= "\udfff")
    shown = escaped(json.dumps({"text": words}, ensure_ascii=False))
    assert printable(shown) == shown
    assert json.loads(shown) == {"text": words}
