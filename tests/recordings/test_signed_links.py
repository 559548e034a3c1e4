"""Links to recordings: one recording, until they expire."""

import pytest

from orchestra.errors import RejectedError
from orchestra.recordings.signed_links import Links

NOW = 1_760_000_000.0


def test_a_link_that_version_0_1_signed_opens_its_recording() -> None:
    signature = "bb2ef922259d5aaef999ef5971bcd940f334891fb31c0a19e4de184967f91ee3"
    Links(b"k").check("07-a", "1760000060", signature, NOW)


@pytest.mark.parametrize(
    ("call", "expires", "signature", "reason"),
    [
        ("07-b", "1760000060", None, "wrong signature"),
        ("07-a", "1760000061", None, "wrong signature"),
        ("07-a", "1760000060", "", "wrong signature"),
        ("07-a", "", None, "no expiry"),
        ("07-a", "٣", None, "no expiry"),
        ("07-a", "9" * 5000, None, "no expiry"),
    ],
)
def test_a_link_for_something_else_is_refused(call: str, expires: str, signature: str | None, reason: str) -> None:
    links = Links(b"k")
    signed = links.sign("http://edge", "07-a", 1_760_000_060).rpartition("=")[2]
    with pytest.raises(RejectedError, match=reason):
        links.check(call, expires, signed if signature is None else signature, NOW)


def test_an_expired_link_says_how_long_ago_it_expired() -> None:
    links = Links(b"k")
    signed = links.sign("http://edge", "07-a", int(NOW) - 90).rpartition("=")[2]
    with pytest.raises(RejectedError, match="the link expired 90 s ago"):
        links.check("07-a", str(int(NOW) - 90), signed, NOW)
