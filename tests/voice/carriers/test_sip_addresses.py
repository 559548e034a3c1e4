"""SIP addresses and headers as others write them."""

import pytest

from orchestra.errors import RejectedError
from orchestra.voice.carriers.sip.addresses import check_target, parse_address, party


@pytest.mark.parametrize(
    "text",
    ["sip:ann@pbx.example.com", "sip:+15550001@192.0.2.7:5080;transport=tcp", "sips:ann@[2001:db8::1]:5061"],
)
def test_an_address_is_dialled_as_it_is_written(text: str) -> None:
    assert str(parse_address(text)) == text
    check_target(text)


@pytest.mark.parametrize(
    "text",
    [
        "ann@pbx",
        "sip:pbx.example.com",
        "sip:ann@pbx:99999",
        "sip:ann@pbx\r\nX-Evil: 1",
        "sip:a b@pbx",
        "sip:ann@pbx?Replaces=1",
        "sip:ann@pbx;lr",
        "sip:" + "a" * 65 + "@pbx",
        "mailto:ann@pbx",
        "",
    ],
)
def test_what_is_no_address_is_not_dialled(text: str) -> None:
    with pytest.raises(RejectedError):
        parse_address(text)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('"Ann Bell" <sip:+15550001@pbx.example.com>;tag=1', ("+15550001", "Ann Bell")),
        ("Ann <sip:ann@pbx:5060;transport=tcp>", ("sip:ann", "Ann")),
        ("<sip:201@10.0.0.1>", ("sip:201", "")),
        ("sip:demo@127.0.0.1;tag=9", ("sip:demo", "")),
        ("<tel:+15550001>", ("+15550001", "")),
        ('"A \\"B\\" <C>" <sip:x@y>', ("sip:x", 'A "B" <C>')),
        ('"Anonymous" <sip:anonymous@anonymous.invalid>', ("", "")),
        ("", ("", "")),
        ("<sip:%2B15550001@pbx>", ("+15550001", "")),
        ("<sip:a%0d%0ab@pbx>", ("", "")),
        ("<sip:" + "1" * 65 + "@pbx>", ("", "")),
        ('"Ann\x1b[2J" <sip:ann@pbx>', ("sip:ann", "Ann[2J")),
        ("<http://example.com>", ("", "")),
        ('"' * 5000, ("", "")),
    ],
)
def test_a_party_is_a_number_or_a_name(header: str, expected: tuple[str, str]) -> None:
    assert party(header) == expected
