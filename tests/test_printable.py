"""Nothing that people, models or files say can drive the terminal on which it is shown."""

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


def test_every_character_that_drives_or_hides_is_replaced() -> None:
    assert printable("".join(DRIVES)) == "�" * len(DRIVES)


@pytest.mark.parametrize("text", ["Grüß Gott, 你好, नमस्ते, 🙂, ½, [red]no style[/]", "two\nlines\tand a tab", ""])
def test_words_of_any_language_stay_as_they_are(text: str) -> None:
    assert printable(text) == text
    assert escaped(text) == text


def test_json_keeps_its_values_and_loses_what_drives() -> None:
    words = "".join(mark for mark in DRIVES if not "\ud800" <= mark <= "\udfff")
    shown = escaped(json.dumps({"text": words}, ensure_ascii=False))
    assert printable(shown) == shown
    assert json.loads(shown) == {"text": words}
