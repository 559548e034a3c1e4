"""A secret in a file is worth as much as one in the environment, and is shown as little."""

import os
from pathlib import Path

import pytest

from orchestra import log
from orchestra.agents.mcp.tools import _expand_variables
from orchestra.cli.doctor.settings import settings_table
from orchestra.errors import SettingError
from orchestra.secret_files import read_variable
from orchestra.settings import Settings, load_settings, secret_values, settings_from_files
from orchestra.stack.launch import _environment

SECRET = "tell-nobody"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("ORCHESTRA_"):
            monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(f"{SECRET}\n")
    return path


def test_every_secret_and_every_url_is_read_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = settings_from_files()
    assert {"redis_url", "redis_password", "api_token", "link_key", "model_url", "otlp_headers"} <= set(names)
    long = "k" * 40
    for name in names:
        (tmp_path / name).write_text(f"redis://host/{name}\n" if name == "redis_url" else f"{name} {long}\r\n")
        monkeypatch.setenv(f"ORCHESTRA_{name.upper()}_FILE", str(tmp_path / name))
    settings = load_settings()
    for name in set(names) - {"redis_url"}:
        value = getattr(settings, name)
        assert (value if isinstance(value, str) else value.get_secret_value()) == f"{name} {long}"
    assert settings.redis_url == f"redis://:redis_password%20{long}@host/redis_url"


def test_only_the_final_newline_is_left_out(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(" a\nb \n\n")
    monkeypatch.setenv("ORCHESTRA_VONAGE_PRIVATE_KEY_FILE", str(file))
    assert load_settings().vonage_private_key.get_secret_value() == " a\nb \n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\xff" + SECRET.encode(), r"cannot be read: it is not text \(UTF-8\)"),
        (SECRET.encode() * 6000, "is longer than 65536 characters"),
    ],
)
def test_a_file_without_a_secret_is_named_by_its_variable_and_not_quoted(
    content: bytes, words: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_bytes(content)
    monkeypatch.setenv("ORCHESTRA_API_TOKEN_FILE", str(file))
    with pytest.raises(SettingError, match=f"ORCHESTRA_API_TOKEN_FILE names {words}") as caught:
        load_settings()
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("written", [SECRET, f"/{SECRET}", ".", f"{SECRET}\0", SECRET * 100])
def test_what_is_no_file_is_not_quoted_because_it_may_be_the_secret(
    written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingError, match="ORCHESTRA_API_TOKEN_FILE names cannot be read: ") as caught:
        read_variable("ORCHESTRA_API_TOKEN", {"ORCHESTRA_API_TOKEN_FILE": written})
    assert SECRET not in str(caught.value)


def test_value_and_file_together_are_refused_unless_one_is_empty(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRA_API_TOKEN_FILE", str(file))
    monkeypatch.setenv("ORCHESTRA_API_TOKEN", "")
    assert load_settings().api_token.get_secret_value() == SECRET
    monkeypatch.setenv("orchestra_api_token", "another")
    with pytest.raises(SettingError, match="ORCHESTRA_API_TOKEN and ORCHESTRA_API_TOKEN_FILE are both set"):
        load_settings()
    monkeypatch.setenv("ORCHESTRA_API_TOKEN_FILE", "")
    assert load_settings().api_token.get_secret_value() == "another"


def test_a_setting_that_is_no_secret_has_no_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRA_PORT_FILE", str(file))
    with pytest.raises(SettingError, match="unknown setting ORCHESTRA_PORT_FILE"):
        load_settings()


def test_a_secret_of_a_file_is_masked_and_doctor_names_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("orchestra_deepgram_api_key_file", str(file))
    settings = load_settings()
    assert SECRET in secret_values(settings)
    assert log.Masking(secret_values(settings))(None, "", {"event": f"it was {SECRET}"}) == {"event": "it was …"}
    shown = [str(cell) for column in settings_table(settings).columns for cell in column.cells]
    assert f"********** (from {file})" in shown
    assert not any(SECRET in each for each in shown)


def test_processes_of_a_stack_get_values_and_no_files(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REDIS_PASSWORD", "API_TOKEN", "LINK_KEY"):
        monkeypatch.setenv(f"ORCHESTRA_{name}_FILE", str(file))
    file.write_text(SECRET * 4)
    settings = Settings(redis_url="redis://host")
    environment = _environment(settings, "unix:///embedded", "token", 1)
    assert environment["ORCHESTRA_API_TOKEN"] == SECRET * 4
    assert environment["ORCHESTRA_REDIS_PASSWORD"] == ""  # the embedded server has none
    assert [name for name in environment if name.startswith("ORCHESTRA_") and name.endswith("_FILE")] == [
        "ORCHESTRA_LINK_KEY_FILE"
    ]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://host:1/2", "redis://:p%2Fw%40%3A@host:1/2"),
        ("rediss://me@host/0?ssl_ca_certs=/a", "rediss://me:p%2Fw%40%3A@host/0?ssl_ca_certs=/a"),
        ("redis+sentinel://a:1,b:2/service", "redis+sentinel://:p%2Fw%40%3A@a:1,b:2/service"),
        ("redis+cluster://[::1]:7000", "redis+cluster://:p%2Fw%40%3A@[::1]:7000"),
        ("unix:///run/redis.sock?db=1", "unix://:p%2Fw%40%3A@/run/redis.sock?db=1"),
        ("redis://:p%2Fw%40%3A@host", "redis://:p%2Fw%40%3A@host"),
    ],
)
def test_the_password_of_redis_goes_into_its_url(url: str, expected: str) -> None:
    assert Settings(redis_url=url, redis_password="p/w@:").redis_url == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "words"), [(None, "ORCHESTRA_REDIS_URL is not"), ("redis://:tell-nobody@host", "has another password")]
)
def test_a_password_without_a_url_or_with_another_is_refused(url: str | None, words: str) -> None:
    with pytest.raises(SettingError, match=words) as caught:
        Settings(redis_url=url, redis_password="other-secret")  # type: ignore[arg-type]
    assert "secret" not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_variables_that_other_files_name_may_name_a_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_SECRET_FILE", str(file))
    assert _expand_variables("Bearer ${CRM_SECRET}", "token") == f"Bearer {SECRET}"
