"""The file of the endpoints is checked where it is read, and holds no secret."""

import time
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from orchestra.errors import SettingError
from orchestra.settings import Settings
from orchestra.webhooks.endpoint_health import EndpointHealth, next_attempt_s
from orchestra.webhooks.endpoints import DEFAULT_EVENTS, load_endpoints
from orchestra.webhooks.signing import read_secrets, signed_headers
from tests.servers.webhook_receiver import SECRET

OTHER = "whsec_" + "B" * 40
GOOD = '[crm]\nurl = "https://crm.example/hooks"\nsecret_env = "CRM_SECRET"\n'


def load(folder: Path, text: str, *, private: bool = False) -> object:
    (folder / "webhooks.toml").write_text(text)
    return load_endpoints(Settings(webhooks=folder / "webhooks.toml", webhooks_private=private))


def test_an_endpoint_has_the_default_types_and_its_secret_from_where_the_file_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_SECRET", SECRET)
    monkeypatch.setenv("CRM_TOKEN", "Bearer abc")
    (tmp_path / "secret").write_text(f"{OTHER}\n{SECRET}\n")
    text = (
        GOOD
        + 'headers_env = { Authorization = "CRM_TOKEN" }\n'
        + GOOD.replace("[crm]", "[other]").replace(
            'secret_env = "CRM_SECRET"', f'secret_file = "{tmp_path / "secret"}"'
        )
    )
    crm, other = load(tmp_path, text)  # type: ignore[misc]
    assert (crm.events, crm.secrets, crm.headers) == (
        frozenset(DEFAULT_EVENTS),
        (SECRET,),
        {"Authorization": "Bearer abc"},
    )
    assert other.secrets == (OTHER, SECRET)
    assert load_endpoints(Settings()) == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[crm", "cannot be read"),
        ("crm = 1", "it is no table"),
        ('["a b"]\nurl = "https://a.example"', "its name is at most"),
        (GOOD + 'colour = "red"', "'colour' is unknown"),
        (GOOD.replace("https:", "http:"), "is not encrypted"),
        (GOOD.replace("https://", "https://user:pass@"), "without a user or password"),
        (GOOD.replace("https://", "ftp://"), "write https://host/path"),
        (GOOD + "events = []", "events: there is none"),
        (GOOD + 'events = ["Call Ended"]', "'Call Ended' is no event type"),
        (GOOD + 'apps = "shop"', "write a list of names"),
        (GOOD.replace("CRM_SECRET", "NOT_SET"), "the variable NOT_SET is not set"),
        (GOOD.replace("CRM_SECRET", "PASSWORD"), "the variable PASSWORD holds no webhook secret"),
        (GOOD.replace("secret_env", "secret_file"), "cannot be read: FileNotFoundError"),
        (GOOD + 'secret_file = "x"', "name the secret's environment variable"),
        (GOOD + 'headers_env = { Webhook-Id = "CRM_SECRET" }', "cannot be set"),
        (GOOD + 'headers_env = { X-Key = "LINES" }', "cannot be a header"),
    ],
)
def test_what_is_wrong_is_said_and_no_secret_is_quoted(
    text: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_SECRET", SECRET)
    monkeypatch.setenv("PASSWORD", "s3cret-pass")
    monkeypatch.setenv("LINES", "a\nb")
    with pytest.raises(SettingError) as caught:
        load(tmp_path, text)
    assert words in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert "user:pass" not in str(caught.value)


def test_either_of_two_secrets_verifies_a_message() -> None:
    headers = signed_headers(read_secrets(f"{SECRET} {OTHER}", "here"), "an-id", '{"ä":1}'.encode(), time.time())
    for secret in (SECRET, OTHER):
        assert Webhook(secret).verify('{"ä":1}'.encode(), headers) == {"ä": 1}


def test_requests_that_fail_together_are_one_failure() -> None:
    now = [100.0]
    health = EndpointHealth(lambda: now[0])
    for number in range(32):  # the endpoint restarts, with as many requests under way
        health.failed(f"call {number}", throttled=False, retry_after_s=0.0)
    assert 0 < health.wait_s < 0.03
    now[0] += 1.0
    health.failed("call 1", throttled=False, retry_after_s=0.0)
    assert 0 < health.wait_s < 0.06
    health.failed("call 2", throttled=True, retry_after_s=60.0)
    assert health.wait_s == 60.0


def test_three_calls_without_an_answer_stop_an_endpoint_for_a_growing_time_and_a_delivery_ends_it() -> None:
    now = [100.0]
    health = EndpointHealth(lambda: now[0])
    for _ in range(10):
        health.failed("one", throttled=False, retry_after_s=0)
    assert not health.away  # it may be this call's message
    health.failed("two", throttled=False, retry_after_s=0)
    health.failed("three", throttled=False, retry_after_s=0)
    assert health.away
    waits = []
    for _ in range(12):
        waits.append(health.wait_s)
        now[0] += health.wait_s
        assert (health.away, health.wait_s) == (True, 0.0)
        health.failed("four", throttled=False, retry_after_s=0)
    assert waits[0] < 0.03
    assert 3 < waits[-1] <= 300
    health.delivered()
    assert (health.away, health.wait_s) == (False, 0.0)
    health.failed("one", throttled=True, retry_after_s=40)
    assert health.wait_s == 40


def test_the_time_until_the_next_attempt_doubles_up_to_minutes_or_an_hour() -> None:
    assert next_attempt_s(1, refused=False, retry_after_s=0) <= 0.02
    assert 150 <= next_attempt_s(100, refused=False, retry_after_s=0) <= 300
    assert 1800 <= next_attempt_s(100, refused=True, retry_after_s=0) <= 3600
    assert next_attempt_s(1, refused=True, retry_after_s=77) == 77
