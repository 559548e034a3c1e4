"""Stream tokens: one stream, of one call, for a while."""

import pytest

from orchestra.errors import RejectedError
from orchestra.voice.carriers.stream_token import LIFETIME_S, StreamTokens

NOW = 1_760_000_000.0


@pytest.fixture
def tokens() -> StreamTokens:
    return StreamTokens(b"account token")


def test_a_token_opens_the_stream_of_its_call(tokens: StreamTokens) -> None:
    tokens.redeem(tokens.issue("07-a", "CA1", NOW), "07-a", "CA1", NOW + 1)


def test_a_token_issued_by_another_process_of_the_account_is_accepted(tokens: StreamTokens) -> None:
    other = StreamTokens(b"account token")
    tokens.redeem(other.issue("07-a", "CA1", NOW), "07-a", "CA1", NOW + 1)


def test_a_token_opens_one_stream_only(tokens: StreamTokens) -> None:
    token = tokens.issue("07-a", "CA1", NOW)
    tokens.redeem(token, "07-a", "CA1", NOW)
    with pytest.raises(RejectedError, match="used before"):
        tokens.redeem(token, "07-a", "CA1", NOW + 5)


@pytest.mark.parametrize(
    ("call", "provider_call", "later_s", "reason"),
    [
        ("08-b", "CA1", 1, "wrong signature"),
        ("07-a", "CA2", 1, "wrong signature"),
        ("07-a", "CA1", LIFETIME_S + 2, "expired"),
    ],
)
def test_a_token_is_bound_to_call_carrier_id_and_time(
    tokens: StreamTokens, call: str, provider_call: str, later_s: float, reason: str
) -> None:
    token = tokens.issue("07-a", "CA1", NOW)
    with pytest.raises(RejectedError, match=reason):
        tokens.redeem(token, call, provider_call, NOW + later_s)


@pytest.mark.parametrize("token", ["", "abc", "123.", ".abc", "1e9.abc", "٣.abc", "99999999999999999999.abc", "1.é"])
def test_text_that_is_not_a_token_is_refused(tokens: StreamTokens, token: str) -> None:
    with pytest.raises(RejectedError):
        tokens.redeem(token, "07-a", "CA1", NOW)


def test_a_token_with_a_later_expiry_is_refused(tokens: StreamTokens) -> None:
    expires, _, signature = tokens.issue("07-a", "CA1", NOW).partition(".")
    with pytest.raises(RejectedError, match="wrong signature"):
        tokens.redeem(f"{int(expires) + 60}.{signature}", "07-a", "CA1", NOW)


def test_a_token_signed_with_another_account_is_refused(tokens: StreamTokens) -> None:
    with pytest.raises(RejectedError, match="wrong signature"):
        tokens.redeem(StreamTokens(b"other").issue("07-a", "CA1", NOW), "07-a", "CA1", NOW)


def test_a_token_issued_by_version_0_1_opens_its_stream_during_a_rolling_upgrade(tokens: StreamTokens) -> None:
    issued = "1760000060.0-e530d1475dafab6f877c0927a179fcc616fd78e2519f9854e187186539f4e280"
    assert tokens.redeem(issued, "07-a", "CA1", NOW + 1) == 0
