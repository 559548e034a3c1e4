import pytest

from orchestra.language.sentence_splitter import SentenceSplitter

LONG = (
    "I can see that your parcel left our depot this morning, "
    "and the driver will be with you some time before noon today."
)


def cut(*deltas: str) -> list[str]:
    sentences = SentenceSplitter()
    return [sentence for delta in deltas for sentence in sentences.feed(delta)] + sentences.end()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello. How are you?", ["Hello.", "How are you?"]),
        ("It costs 3.50 in all. Good!", ["It costs 3.50 in all.", "Good!"]),
        ("Ask Dr. Hill. She knows.", ["Ask Dr. Hill.", "She knows."]),
        ("We open at 9 a.m. and close at 5 p.m. Come by.", ["We open at 9 a.m. and close at 5 p.m.", "Come by."]),
        ("Is it there? No. Then wait.", ["Is it there?", "No.", "Then wait."]),
        ("It is parcel No. 7. Yes.", ["It is parcel No. 7.", "Yes."]),
        ('He said "stop." Then he left.', ['He said "stop."', "Then he left."]),
        ("Wait... what?", ["Wait...", "what?"]),
        ("1. Open it.\n2. Look inside.", ["1. Open it.", "2. Look inside."]),
        ("One line\nanother line", ["One line", "another line"]),
        ("好的。再见。", ["好的。", "再见。"]),
        ("هل تريد المتابعة؟ نعم۔ حسنا", ["هل تريد المتابعة؟", "نعم۔", "حسنا"]),
        ("क्या आप आएंगे। हाँ।", ["क्या आप आएंगे।", "हाँ।"]),
        ("Բարեւ։ Այո։", ["Բարեւ։", "Այո։"]),
        ("はい｡わかりました。", ["はい｡", "わかりました。"]),
        ("Nos. 5 and 6, pp. 3 and 4. Done.", ["Nos. 5 and 6, pp. 3 and 4.", "Done."]),
        ("P.O. Box 4, Apt. B, Fl. 3, Ste. 200. Yes.", ["P.O. Box 4, Apt. B, Fl. 3, Ste. 200.", "Yes."]),
        ("She has a Ph.D. in law. Temp. 20 degrees.", ["She has a Ph.D. in law.", "Temp. 20 degrees."]),
        ("Wir kommen am 3. Mai um 9 Uhr. Gut.", ["Wir kommen am 3. Mai um 9 Uhr.", "Gut."]),
        ("You have 3. Good night all.", ["You have 3.", "Good night all."]),
        ("Look:\n```python\nprint('hi. there')\n```\nDone.", ["Look:", "Done."]),
        ("```\nYour parcel is there.\n```", ["Your parcel is there."]),
        ("```markdown\nYour parcel is there.\n```", ["Your parcel is there."]),
        ("  \n\n ", []),
        ("Done. -- ", ["Done."]),
        ("without an end", ["without an end"]),
        ("", []),
    ],
)
def test_a_text_is_cut_into_its_sentences(text: str, expected: list[str]) -> None:
    assert cut(text) == expected


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_where_the_stream_is_broken_changes_nothing(size: int) -> None:
    text = (
        "Parcel 4271 is at 12 Hill St. in Bath. We close at 5 p.m. and open at 9 a.m. It costs 3.50. "
        "No. Shall I send it? Yes! Then I will do it."
    )
    assert cut(*(text[at : at + size] for at in range(0, len(text), size))) == cut(text)


def test_a_sentence_is_ready_when_the_next_one_begins() -> None:
    sentences = SentenceSplitter()
    assert sentences.feed("Your parcel is here.") == []
    assert sentences.feed(" ") == ["Your parcel is here."]


def test_a_long_first_sentence_is_cut_at_its_first_clause() -> None:
    assert cut(LONG) == [
        "I can see that your parcel left our depot this morning,",
        "and the driver will be with you some time before noon today.",
    ]


def test_a_long_later_sentence_stays_whole() -> None:
    assert cut("Good news! " + LONG) == ["Good news!", LONG]


def test_text_without_any_full_stop_is_cut_between_words() -> None:
    pieces = cut("word " * 200)
    assert max(map(len, pieces)) <= 300
    assert " ".join(pieces) == ("word " * 200).strip()


def test_the_first_words_of_a_text_with_wide_commas_only_come_before_its_end() -> None:
    text = "您的包裹在山街的仓库，我们明天上午会送达，请您在家等候，谢谢您的来电，祝您有愉快的一天，再见"
    sentences = SentenceSplitter()
    early = [sentence for letter in text for sentence in sentences.feed(letter)]
    assert early == ["您的包裹在山街的仓库，"]
    assert "".join(early + sentences.end()) == text


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize(
    "text",
    [
        "Wir kommen am 3. Mai. You have 12. Your turn. هل تريد؟ نعم",
        "Look: ```python\nx. y = 1\n```\nDone. Next.",
        "好的，再见。您的包裹在山街的仓库，我们明天上午会送达，请您在家等候，谢谢您的来电",
    ],
)
def test_where_a_stream_of_any_language_is_broken_changes_nothing(text: str, size: int) -> None:
    assert cut(*(text[at : at + size] for at in range(0, len(text), size))) == cut(text)
