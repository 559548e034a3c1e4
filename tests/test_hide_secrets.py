"""No secret in a URL, a header or a setting appears in an error message, the log or a terminal."""

import traceback

import httpx
import pytest
import redis
import structlog
from pydantic import SecretStr
from typer.testing import CliRunner

from orchestra.cli import app
from orchestra.errors import EngineError, OrchestraError, UsageError
from orchestra.hide_secrets import masking, secrets_in, without_login, without_secrets
from orchestra.log import Masking
from orchestra.settings import Settings, secret_values


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://user:secret@host:6379/0", "redis://user:…@host:6379/0"),
        ("redis://:secret@host", "redis://:…@host"),
        (
            "redis+sentinel://a:1,b:2/calls?sentinel_password=secret&ssl=1",
            "redis+sentinel://a:1,b:2/calls?sentinel_password=…&ssl=1",
        ),
        ("unix:///run/redis.sock", "unix:///run/redis.sock"),
        ("", ""),
        # a password that its owner did not encode
        ("redis://:sec/ret@host", "redis://:…@host"),
        ("redis://u:sec?ret@host", "redis://u:…@host"),
        ("redis://u:12/secret@host:1/0", "redis://u:…@host:1/0"),
        ("ftp://u:sec@ret@host/dir", "ftp://u:…@host/dir"),
        ("(ftp://u:it's-secret@host/dir)", "(ftp://u:…@host/dir)"),
        # keys and signatures in a query
        ("http://me:secret@h/v1?key=secret cannot be reached", "http://me:…@h/v1?key=… cannot be reached"),
        ("for url 'https://h/a?sig=secret%2F&page=2#access_token=secret'",
         "for url 'https://h/a?sig=…&page=2#access_token=…'"),
        ("GET /api?token=secret&limit=9", "GET /api?token=…&limit=9"),
        ("https://h/blob?X-Amz-Signature=secret", "https://h/blob?X-Amz-Signature=…"),
        # a token instead of a user
        ("https://secret@host/x", "https://…@host/x"),
        ("sftp://user@host/x", "sftp://user@host/x"),
        # several in one text
        ("redis://u:secret@h1,redis://u:secret@h2", "redis://u:…@h1,redis://u:…@h2"),
        ("simplecache::sftp://u:secret@h/d", "simplecache::sftp://u:…@h/d"),
        # in the middle of a text
        ("Authorization: Bearer secret-secret-secret", "Authorization: Bearer …"),
        ("Basic c2VjcmV0OnNlY3JldA== refused", "Basic … refused"),
        ("host=h password=secret dbname=d", "host=h password=… dbname=d"),
        # no secret
        ("http://[::1]:8480/a and http://h:8480/?", "http://[::1]:8480/a and http://h:8480/?"),
        ("what? a=b, c@d.example", "what? a=b, c@d.example"),
    ],
)  # fmt: skip
def test_a_text_is_shown_without_its_secrets(text: str, shown: str) -> None:
    assert without_secrets(text) == shown
    assert "secret" not in shown.replace("secrets", "")


def test_the_public_part_of_a_url_has_neither_user_nor_query() -> None:
    assert without_login("sftp://user:pw@host:22/calls/07-a.wav?x=1") == "sftp://host:22/calls/07-a.wav"
    assert without_login("file:///calls/a@b.wav") == "file:///calls/a@b.wav"
    assert without_login("s3://bucket/calls") == "s3://bucket/calls"


@pytest.mark.parametrize("kind", [OrchestraError, UsageError, EngineError])
def test_our_errors_hide_secrets_in_their_message(kind: type[OrchestraError]) -> None:
    error = kind("the archive at ftp://user:secret@host cannot be read")
    assert str(error) == "the archive at ftp://user:…@host cannot be read"
    assert "secret" not in repr(error) + "".join(traceback.format_exception(error))


def text_settings() -> list[str]:
    return [name for name, field in Settings.model_fields.items() if name.endswith("url")]


@pytest.mark.parametrize("name", text_settings())
def test_a_secret_in_any_url_setting_is_recognized(name: str) -> None:
    settings = Settings.model_validate({name: "https://me:s3cr3t-pw@host/v1?key=s3cr3t-key&db=1"})
    assert secret_values(settings) == ["s3cr3t-pw", "s3cr3t-key"]


def test_header_values_are_recognized_as_secret() -> None:
    settings = Settings(otlp_headers=SecretStr("authorization=Basic abc, x-key=s3cr3t"))
    assert secret_values(settings) == ["Basic abc", "s3cr3t"]


def test_only_a_url_has_secrets_by_position() -> None:
    assert secrets_in("me:secret@host") == []
    assert secrets_in("redis://u:a/b@h") == ["a/b", "a", "b"]
    assert secrets_in("https://tok3n@host") == ["tok3n"]


def entry_of(**fields: object) -> str:
    settings = Settings(model_api_key=SecretStr("sk-very-secret"), otlp_url="http://u:p%20w-secret@host")
    processed = Masking(secret_values(settings))(None, "info", {"event": "it.failed", **fields})
    assert isinstance(processed, dict)
    return structlog.processors.JSONRenderer(default=repr)(None, "info", processed)  # type: ignore[return-value]


@pytest.mark.parametrize(
    "value",
    [
        "the key sk-very-secret is wrong",
        {"request": {"headers": [("Authorization", "sk-very-secret")]}},
        ["http://u:p%20w-secret@host", "p w-secret"],
        httpx.InvalidURL("http://u:some-secret@host/?token=some-secret"),
        redis.ConnectionError("Error 111 connecting to redis://:some-secret@host:6379"),
        httpx.HTTPStatusError(
            "401 for url 'https://h/?key=some-secret'",
            request=httpx.Request("GET", "https://h/?key=some-secret"), response=httpx.Response(401),
        ),
    ],
)  # fmt: skip
def test_log_entries_hide_secrets_at_every_depth(value: object) -> None:
    assert "secret" not in entry_of(error=value)


def test_other_values_are_logged_unchanged() -> None:
    assert masking(["abc"])("abcdef") == "abcdef"  # too short to tell from part of a word
    assert '"n": 3' in entry_of(n=3)


def test_the_doctor_shows_no_secret_of_a_url(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [name for name in text_settings() if name not in {"redis_url", "recordings_url", "archive_url"}]
    for name in names:
        scheme = "wss" if name.startswith(("deepgram", "elevenlabs")) else "http"
        url = f"{scheme}://me:s3cr3t-pw@127.0.0.1:9/v1?key=s3cr3t-key"
        monkeypatch.setenv(f"ORCHESTRA_{name.upper()}", url)
    monkeypatch.setenv("ORCHESTRA_REDIS_URL", "redis://me:s3cr3t-pw/x@127.0.0.1:9")
    monkeypatch.setenv("ORCHESTRA_MODEL", "some-model")
    monkeypatch.setenv("ORCHESTRA_LABEL_STUDIO_API_KEY", "s3cr3t-key")
    monkeypatch.setenv("ORCHESTRA_OPENOBSERVE_USER", "me")
    monkeypatch.setenv("ORCHESTRA_OPENOBSERVE_PASSWORD", "s3cr3t-pw")
    told = CliRunner().invoke(app, ["doctor", "--settings"])
    assert "s3cr3t" not in told.output
    assert "127.0.0.1:9" in told.output


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "POST https://hooks.example.com/services/T0001/B0002/aB3dE5gH7jK9mN1pQ3sT5vW7 failed",
            "POST https://hooks.example.com/services/T0001/B0002/… failed",
        ),
        ("https://example.com/api/Zk3vQ9xLm2Nw7Rt5Yb8Hc4Fd/v1: 500", "https://example.com/api/…/v1: 500"),
        ("see wss://h.example.com/Zk3vQ9xLm2Nw7Rt5Yb8Hc4Fd, please", "see wss://h.example.com/…, please"),
        ("https://h.example.com/v1/models/Qwen3-235B-A22B-Instruct-2507/x", None),
        ("https://h.example.com/calls/07-0199b8a0-0000-7000-8000-000000000001/record", None),
        ("https://api.twilio.com/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Calls.json", None),
        ("https://example.com/internationalization/of/everything2026", None),
        ("file:///var/lib/recordings/2026/07-0199b8a0.wav", None),
    ],
)
def test_a_key_in_a_path_is_hidden_and_names_are_shown(text: str, shown: str | None) -> None:
    assert without_secrets(text) == (shown or text)
