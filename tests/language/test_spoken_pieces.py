"""What can have been heard of a text: its words, or its characters where a script has no spaces between words."""

import random
import sys
import unicodedata

import pytest

from orchestra.language.spoken_pieces import JOINER, count_pieces, join_pieces, split_pieces


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Your parcel is  here.", ["Your", "parcel", "is", "here."]),
        ("Grüße, señor!", ["Grüße,", "señor!"]),
        ("東京駅です。", ["東", "京", "駅", "で", "す。"]),
        ("「はい」と言った", ["「は", "い」", "と", "言っ", "た"]),
        ("キャンセル", ["キャ", "ン", "セ", "ル"]),
        ("コーヒー", ["コー", "ヒー"]),
        ("我叫Anna。", ["我", "叫", "Anna。"]),
        ("สวัสดี", ["ส", "วั", "ส", "ดี"]),
        ("เก้า", ["เก้", "า"]),
        ("ខ្មែរ", ["ខ្មែ", "រ"]),
        ("شكرا لك", ["شكرا", "لك"]),
        ("नमस्ते जी", ["नमस्ते", "जी"]),
        ("👨\u200d👩\u200d👧 ok", ["👨\u200d👩\u200d👧", "ok"]),
        ("안녕하세요 고객님", ["안녕하세요", "고객님"]),
        ("", []),
    ],
)
def test_pieces_are_words_or_characters_with_their_marks(text: str, pieces: list[str]) -> None:
    assert [piece.removeprefix(JOINER) for piece in split_pieces(text)] == pieces
    assert count_pieces(text) == len(pieces)


def test_pieces_put_together_are_the_text_and_none_begins_within_a_character() -> None:
    choose = random.Random(15)
    alphabets = [(0x20, 0x7F), (0x5D0, 0x5EA), (0x600, 0x6FF), (0x900, 0x97F), (0xE00, 0xE7F), (0x1000, 0x109F)]
    alphabets += [(0x1780, 0x17FF), (0x3040, 0x30FF), (0x4E00, 0x4E80), (0x1F600, 0x1F64F), (0x20, sys.maxunicode)]
    for _ in range(3_000):
        low, high = choose.choice(alphabets)
        text = "".join(chr(choose.randint(low, high)) for _ in range(choose.randint(0, 30))).replace(JOINER, "")
        pieces = split_pieces(text)
        assert join_pieces(pieces) == " ".join(text.split())
        assert " ".join(pieces).split() == pieces
        for piece in pieces:
            if piece.startswith(JOINER):
                assert unicodedata.category(piece[1])[0] != "M", (text, piece)
        heard = join_pieces(pieces[: len(pieces) // 2])
        assert " ".join(text.split()).startswith(heard)


def test_a_word_of_30_kb_is_divided_at_once() -> None:
    assert count_pieces("語" * 30_000) == 30_000
    assert count_pieces("x" * 30_000 + "é") == 1
