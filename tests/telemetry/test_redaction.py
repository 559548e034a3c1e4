"""What must not leave the platform does not, whatever stands around it; and what may leave is left alone."""

import json
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from orchestra.call_variables import as_notes
from orchestra.errors import AppError
from orchestra.settings import Settings
from orchestra.telemetry.personal_data_patterns import luhn
from orchestra.telemetry.redaction import Redaction, redaction_at_rest, redaction_of
from orchestra_schemas import (
    AudioChunk,
    CallAnalysed,
    CallEnded,
    CallStarted,
    CallVariablesRequested,
    CallVariablesSet,
    DigitPressed,
    DigitsRequested,
    Event,
    Message,
    PromptRequested,
    ToolRequested,
    TranscriptFinal,
    UserTurnEnded,
    Verdict,
    encode,
)  # fmt: skip

redaction = Redaction()
quick = settings(max_examples=60, deadline=None, database=None)

separators = st.sampled_from(["", " ", "-", ".", " - ", "\u00a0", "\u2011", "\n"])
around = st.text(alphabet=st.characters(exclude_categories=["Nd", "Cs"], exclude_characters="@+"), max_size=20)


@st.composite
def spread(draw: st.DrawFn, digits: str) -> str:
    """The digits in groups, with the same separator between them."""
    separator, size = draw(separators), draw(st.integers(1, 5))
    return separator.join(digits[start : start + size] for start in range(0, len(digits), size))


@st.composite
def cards(draw: st.DrawFn) -> str:
    first = draw(st.sampled_from("23456"))
    most = first + draw(st.text(string.digits, min_size=11, max_size=17))
    (check,) = (digit for digit in string.digits if luhn(most + digit))
    return most + check


@st.composite
def phones(draw: st.DrawFn) -> str:
    if draw(st.booleans()):
        return "+" + draw(spread(draw(st.text(string.digits, min_size=7, max_size=12))))
    return draw(spread(draw(st.text(string.digits, min_size=10, max_size=12))))


@st.composite
def emails(draw: st.DrawFn) -> str:
    letters = string.ascii_letters + string.digits
    local = draw(st.text(letters + "._%+-", min_size=1, max_size=30))
    return f"{local}@{draw(st.text(letters, min_size=1, max_size=20))}.{draw(st.sampled_from(['com', 'co.uk', 'de']))}"


def digits_of(text: str) -> str:
    return re.sub(r"\D", "", text)


@quick
@given(around, cards().flatmap(spread), around)
def test_no_card_number_leaves(before: str, card: str, after: str) -> None:
    left = redaction.text(before + card + after)
    assert "[card]" in left
    assert digits_of(card) not in digits_of(left)
    assert len(digits_of(left)) < 7


@quick
@given(around, cards(), st.text(string.digits, max_size=8), st.sampled_from([" ", "-", ""]))
def test_a_card_number_is_found_among_other_digits(before: str, card: str, more: str, between: str) -> None:
    for text in (f"{before}{card}{between}{more}", f"{before}{more}{between}{card}"):
        assert card not in digits_of(redaction.text(text))


@quick
@given(around, phones(), around)
def test_no_phone_number_leaves(before: str, phone: str, after: str) -> None:
    date = re.search(r"(19|20)\d\d-[01]\d-[0-3]\d", phone)
    decimal = re.fullmatch(r"\d+\.\d+|\d{1,3}(\.\d{1,3}){3}", phone)  # or an IP address
    left = redaction.text(before + phone + after)
    assert date or decimal or len(digits_of(left)) < 7


@quick
@given(around, emails(), around)
def test_no_address_leaves(before: str, email: str, after: str) -> None:
    left = redaction.text(f"{before} {email} {after}")
    assert email not in left
    assert "@" not in left
    assert "[email]" in left or "[phone]" in left


@quick
@given(st.text(), cards(), phones(), emails())
def test_redacted_text_is_not_redacted_again(text: str, card: str, phone: str, email: str) -> None:
    once = redaction.text(f"{text} {card}, {phone}; {email} {text}")
    assert redaction.text(once) == once


@quick
@given(st.text(st.characters(exclude_categories=["Nd", "Cs"], exclude_characters="@")))
def test_text_without_digits_and_addresses_is_left_alone(text: str) -> None:
    assert redaction.text(text) == text


@quick
@given(around, cards().flatmap(spread), phones(), emails())
def test_a_redacted_event_holds_nothing_personal_whoever_wrote_its_json(
    before: str, card: str, phone: str, email: str
) -> None:
    fields = {
        "type": "x", "call": "07-1", "text": f"{before} {card}", "deep": [{"to": phone, "note": email}], card: "key",
    }  # fmt: skip
    for body in (json.dumps(fields).encode(), msgspec.json.encode(fields)):
        left = redaction.body(body)
        redacted = msgspec.json.decode(left)
        assert redaction.text(redacted["text"]) == redacted["text"]
        assert redacted["text"] == redaction.text(fields["text"])
        assert redacted["deep"] == [{"to": redaction.text(phone), "note": "[email]"}] or "[" in str(redacted["deep"])
        assert digits_of(card).encode() not in left


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("my card is 4111 1111 1111 1111.", "my card is [card]."),
        ("4111-1111-1111-1111 12 27 123", "[card] 12 27 123"),
        ("call (555) 010-9999 please", "call ([phone] please"),
        ("+49 30 901820, ask for Ann", "[phone], ask for Ann"),
        ("555-0199", "[phone]"),
        ("ann.lee+x@mail.example.co.uk!", "[email]!"),
        ("parcel 4271 on 2026-11-22 18:15:11", "parcel 4271 on 2026-11-22 18:15:11"),
        ("it took 1234.567891 s", "it took 1234.567891 s"),
        ("order 123456", "order 123456"),
        ("at 10:30 for 25 euros", "at 10:30 for 25 euros"),
        ("4111111111111112", "[phone]"),  # one digit misheard, and still nobody's business
    ],
)
def test_kinds_of_numbers_are_distinguished(said: str, left: str) -> None:
    assert redaction.text(said) == left


def test_an_app_adds_patterns_of_its_own() -> None:
    own = Redaction({"account": r"\bAC\d{6}\b", "name": "Rumpelstiltskin"})
    assert own.text("AC123456 of Rumpelstiltskin") == "[account] of [name]"
    body = encode(UserTurnEnded(call="07-1", text="AC123456"))[b"body"]
    assert b"[account]" in own.body(body)
    assert b"AC123456" not in own.body(body)


def header() -> dict[str, object]:
    call = "07-01997777-1234-7123-8123-123456789012"
    trace = "00-01997777123471238123123456789012-1234567890123456-01"
    return {
        "call": call,
        "id": f"{call}:edge-1.1",
        "at": 1763830000.123456,
        "cause": f"{call}:edge-1.0",
        "trace": trace,
    }


@pytest.mark.parametrize(
    "event",
    [
        UserTurnEnded(**header(), text="Where is parcel 4271?", speech_ended_at=1763830000.1234567),
        AudioChunk(**header(), speaker="caller", offset_ms=1234567),
        ToolRequested(**header(), agent="a", name="find_parcel", arguments='{"number": "4271"}', deadline=1763830005.5),
        TranscriptFinal(**header(), text="good morning"),
    ],
)
def test_ids_times_and_harmless_text_are_left_byte_for_byte(event: UserTurnEnded) -> None:
    body = encode(event)[b"body"]
    assert redaction.body(body) is body


def test_ids_survive_where_the_text_beside_them_is_redacted() -> None:
    event = UserTurnEnded(**header(), text="I am at 555 010 9999")  # type: ignore[arg-type]
    left = msgspec.json.decode(redaction.body(encode(event)[b"body"]), type=UserTurnEnded)
    assert left.text == "I am at [phone]"
    assert (left.id, left.call, left.cause, left.trace, left.at) == (
        event.id, event.call, event.cause, event.trace, event.at,
    )  # fmt: skip


def test_prompts_and_numbers_of_the_parties_are_redacted() -> None:
    prompt = PromptRequested(**header(), agent="a", messages=(Message(role="user", content="mail ann@example.com"),))  # type: ignore[arg-type]
    assert b"ann@" not in redaction.body(encode(prompt)[b"body"])
    started = CallStarted(**header(), from_number="+15550001", to_number="+15550002222")  # type: ignore[arg-type]
    left = msgspec.json.decode(redaction.body(encode(started)[b"body"]), type=CallStarted)
    assert (left.from_number, left.to_number) == ("[phone]", "[phone]")


def test_a_card_that_is_a_json_number_is_redacted() -> None:
    assert redaction.body(b'{"type":"x","paid":4111111111111111}') == b'{"type":"x","paid":"[card]"}'


@pytest.mark.parametrize(
    "found",
    [
        {"extracted": {"card": "4242 4242 4242 4242", "valid": "2031-05"}},
        {"extracted": {"card": 4242424242424242}},
        {"extracted": {"paid": {"cards": [{"id": 4242424242424242}, "4242-4242-4242-4242"]}}},
        {"extracted": {"4242424242424242": 12}},
        {"not_extracted": {"card": "'4242424242424242': Expected `str` of length <= 4"}},
        {"verdicts": (Verdict(judge="polite", reason="In turn 2 they say 4242 4242 4242 4242."),)},
        {"summary": "Pays with 4242424242424242."},
        {"success_reason": "4242 4242 4242 4242 was charged"},
        {"errors": ("when: ValueError: 4242424242424242",)},
    ],
)
def test_a_card_that_a_model_found_in_a_call_does_not_leave(found: dict[str, Any]) -> None:
    event = CallAnalysed(**header(), app="shop", **found)  # type: ignore[arg-type]
    left = redaction.event(event.call, "call.analysed", encode(event)[b"body"])
    assert b"[card]" in left
    assert not re.search(rb"4242.?4242", left)


def test_a_body_that_is_not_json_is_redacted_as_text() -> None:
    assert redaction.body(b"{broken 4111111111111111") == b"{broken [card]"


def test_a_log_entry_keeps_its_names_and_loses_its_numbers() -> None:
    entry = {"event": "call.failed", "call": "07-1", "to": "+15550001111", "error": ["ann@example.com"], "count": 3}
    assert redaction.log(entry) == {
        "event": "call.failed", "call": "07-1", "to": "[phone]", "error": ["[email]"], "count": 3,
    }  # fmt: skip


#: a line a text: as it was said or written, a tab, as it leaves
TABLE = [
    line.split("\t") for line in (Path(__file__).parent / "redactions.tsv").read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize(("said", "left"), TABLE, ids=[said for said, _ in TABLE])
def test_a_text_is_redacted_as_the_table_says(said: str, left: str) -> None:
    assert redaction.text(said) == left
    body = encode(UserTurnEnded(call="07-1", text=said))[b"body"]
    assert msgspec.json.decode(redaction.body(body))["text"] == left


def leaving(*texts: str, own: Redaction | None = None) -> str:
    """What leaves of a caller's transcripts, all digits in one."""
    chosen = own or Redaction()
    left = ""
    for text in texts:
        body = encode(TranscriptFinal(call="07-1", text=text))[b"body"]
        left += msgspec.json.decode(chosen.event("07-1", "transcript.final", body))["text"]
    return digits_of(left)


@pytest.mark.parametrize(
    "pieces",
    [
        ("4111 1111", "1111 1111"),
        ("4111", "1111", "1111", "1111."),
        ("My card is 4111 1111", "Yes.", "1111", "1111, that's all"),
        ("It is 41111", "11111 11111", "1"),
        ("555 010", "9999 00"),
        ("So the number of my new credit card is 4111 1111", "1111 1111, and I live in Hill Street since last year"),
    ],
)
def test_a_number_that_is_said_in_pieces_does_not_leave(pieces: tuple[str, ...]) -> None:
    assert len(leaving(*pieces)) < 10


def test_numbers_of_different_calls_and_speakers_are_not_pieces_of_one_number() -> None:
    own = Redaction()
    assert leaving("Where is parcel 4271?", "And what of the other one, which is 4272, please?", own=own) == "42714272"
    other = encode(TranscriptFinal(call="07-2", text="4273 4274"))[b"body"]
    assert b"4273 4274" in own.event("07-2", "transcript.final", other)


def test_a_number_said_in_pieces_does_not_leave_with_the_prompt_either() -> None:
    said = ("my card is 4111 1111", "Go on, please.", "1111 1111", "Thank you.")
    messages = tuple(
        Message(role="user" if place % 2 == 0 else "assistant", content=text) for place, text in enumerate(said)
    )
    prompt = PromptRequested(call="07-1", agent="a", messages=messages)
    left = msgspec.json.decode(redaction.body(encode(prompt)[b"body"]))["messages"]
    assert [message["content"] for message in left] == [
        "my card is 4111 1111",
        "Go on, please.",
        "[number]",
        "Thank you.",
    ]


@pytest.mark.parametrize("kind", [CallStarted, CallVariablesRequested, CallVariablesSet])
def test_variables_leave_with_their_names_only(kind: type[Event]) -> None:
    entry = encode(kind(call="07-1", variables={"name": "Ada", "tier": "gold"}))  # type: ignore[call-arg]
    left = msgspec.json.decode(redaction.event("07-1", entry[b"type"].decode(), entry[b"body"]))
    assert left["variables"] == {"name": "[variable]", "tier": "[variable]"}


@pytest.mark.parametrize(
    ("event", "field"),
    [(DigitPressed(call="07-1", digit="4"), "digit"), (DigitsRequested(call="07-1", digits="4271"), "digits")],
)
def test_pressed_keys_do_not_leave(event: DigitPressed | DigitsRequested, field: str) -> None:
    entry = encode(event)
    left = msgspec.json.decode(redaction.event("07-1", entry[b"type"].decode(), entry[b"body"]))
    assert set(left[field]) == {"*"}
    assert len(left[field]) == len(getattr(event, field))


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ({"paid_with": -4111111111111111}, {"paid_with": "[card]"}),
        ({"paid_with": 4111111111111111.0}, {"paid_with": "[card]"}),
        ({"list": [4111111111111111]}, {"list": ["[card]"]}),
        ({"phone": 4915112345678}, {"phone": "[phone]"}),
        ({"callback_number": 5550109999}, {"callback_number": "[phone]"}),
        ({"duration_ms": 1763830000123}, {"duration_ms": 1763830000123}),
        ({"at": 1763830000.123456}, {"at": 1763830000.123456}),
        ({"ok": True, "none": None}, {"ok": True, "none": None}),
    ],
)
def test_kinds_of_json_numbers_are_distinguished(fields: dict[str, object], left: dict[str, object]) -> None:
    assert msgspec.json.decode(redaction.body(msgspec.json.encode({"type": "x", **fields}))) == {"type": "x", **left}


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("account A C 1 2 3 4 5 6 please", "account [account] please"),
        ("account AC 123 456", "account [account]"),
        ("it is A, C, 1, 2, 3, 4, 5, 6.", "it is [account]."),
        ("my patient number is 4 1 7 and room 12", "my patient number is [patient] and room 12"),
        ("call +1 555 0100", "call [phone]"),
        ("AC123456 and AC12", "[account] and AC12"),
        ("account AC1234567890", "account [long]"),
    ],
)
def test_an_apps_pattern_is_found_as_it_is_spelled_and_the_rest_stays(said: str, left: str) -> None:
    own = Redaction({"account": r"AC[0-9]{6}", "patient": r"\b[0-9]{3}\b", "long": r"AC[0-9]{10}"})
    assert own.text(said) == left
    body = encode(UserTurnEnded(call="07-1", text=said))[b"body"]
    assert msgspec.json.decode(own.body(body))["text"] == left


def test_what_stands_in_json_in_a_text_is_taken_out_and_it_stays_json() -> None:
    asked = ToolRequested(
        call="07-1",
        agent="a",
        name="t",
        tool_call_id="1",
        arguments='{"to":4155550199123,"card":4111111111111111,"n":7}',
    )
    left = msgspec.json.decode(redaction.event("07-1", "tool.requested", encode(asked)[b"body"]))
    assert msgspec.json.decode(left["arguments"]) == {"to": "[phone]", "card": "[card]", "n": 7}


def test_at_rest_the_numbers_of_the_parties_stay_and_nothing_else() -> None:
    at_rest = redaction_at_rest(Settings(redact_at_rest=True))
    assert at_rest is not None
    assert redaction_at_rest(Settings()) is None
    started = CallStarted(
        call="07-1", from_number="+14155550199", to_number="+4930901820", greeting="Call 415 555 0199"
    )
    left = msgspec.json.decode(at_rest.event("07-1", "call.started", encode(started)[b"body"]))
    assert (left["from_number"], left["to_number"], left["greeting"]) == ("+14155550199", "+4930901820", "Call [phone]")


def test_nothing_that_was_said_is_kept_in_memory_after_a_call() -> None:
    own = Redaction()
    own.event("07-1", "transcript.final", encode(TranscriptFinal(call="07-1", text="five five five, one two"))[b"body"])
    assert own.kept_texts
    own.event("07-1", "call.ended", encode(CallEnded(call="07-1", reason="silence"))[b"body"])
    assert not own.kept_texts


def find_ann(text: str) -> Iterator[tuple[int, int, str]]:
    if "fail" in text:
        raise ValueError(text)
    yield from ((match.start(), match.end(), "name") for match in re.finditer(r"\bAnn\b", text))
    yield 3, 3, "nothing"


def test_a_filter_of_ones_own_finds_more_and_nothing_leaves_where_it_fails() -> None:
    settings = Settings(redact_at_rest=True, redact_filter="tests.telemetry.test_redaction:find_ann")
    own = redaction_at_rest(settings)
    assert own is not None
    assert own.text("Ann, and 555 010 1234, and Anna") == "[name], and [phone], and Anna"
    body = msgspec.json.encode({"type": "reply.chunk", "call": "Ann", "text": "Hello Ann", "to": ["Ann", {"a": "Ann"}]})
    left = msgspec.json.decode(own.event("Ann", "reply.chunk", body))
    assert left == {"type": "reply.chunk", "call": "Ann", "text": "Hello [name]", "to": ["[name]", {"a": "[name]"}]}
    with capture_logs() as logs:
        assert [own.text("to fail, Ann"), own.text("Ann failed")] == ["[text]", "[text]"]
    assert [(each["event"], each["error"]) for each in logs] == [("redaction.filter_failed", "ValueError")]
    assert "Ann" not in repr(logs)
    for name, why in (("tests.telemetry.test_redaction:nothing", "no such function"), ("filters", "module:attribute")):
        with pytest.raises(AppError, match=why):
            redaction_of(settings.model_copy(update={"redact_filter": name}))


def test_values_of_variables_are_hidden_in_the_notes_of_a_prompt_only() -> None:
    notes = f'Notes.\n\n{as_notes({"name": "Ann", "plan": "gold"})}\n\nEarlier: "Ann"'
    body = msgspec.json.encode({"type": "prompt.requested", "messages": [{"role": "user", "content": notes}]})
    left = msgspec.json.decode(redaction.body(body))["messages"][0]["content"]
    assert left == 'Notes.\n\nGiven with this call:\n- name: [variable]\n- plan: [variable]\n\nEarlier: "Ann"'
    assert redaction.text('- name: "Ann"') == '- name: "Ann"'
