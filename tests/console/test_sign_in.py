"""Who is let in, as what, for how long, and from where."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr
from structlog.testing import capture_logs

from orchestra.console.address import owner_token
from orchestra.console.operators import Operators
from orchestra.errors import SettingError
from orchestra.settings import Settings
from tests.console.consoles import TOKENS, RunningConsole, as_operator, console_app, console_settings

OWN_PAGE = {"Origin": "http://127.0.0.1", "Sec-Fetch-Site": "same-origin"}


class Hands:
    """A clock whose time a test sets."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def time(self) -> float:
        return self.now

    monotonic = time


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def local(tmp_path: Path) -> Settings:
    """Settings of a console without a Redis server."""
    return console_settings(Settings(data_dir=tmp_path / "data"))


@pytest_asyncio.fixture
async def running(local: Settings, hands: Hands) -> AsyncIterator[RunningConsole]:
    async with console_app(local, clock=hands) as found:
        yield found


async def sign_in(running: RunningConsole, role: str = "read") -> str:
    """Sign in; returns the header that set the cookie."""
    answer = await running.http.post("/api/session", json={"token": TOKENS[role]}, headers=OWN_PAGE)
    assert answer.status_code == 200, answer.text
    return answer.headers["set-cookie"]


async def test_nobody_gets_anything_of_the_api_without_signing_in(running: RunningConsole) -> None:
    answer = await running.http.get("/api/health")
    assert (answer.status_code, answer.json()) == (401, {"error": "sign in"})


async def test_a_token_becomes_a_cookie_that_no_script_and_no_other_site_gets(running: RunningConsole) -> None:
    cookie = await sign_in(running, "operate")
    assert {"HttpOnly", "SameSite=strict", "Path=/", "Max-Age=43200"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert TOKENS["operate"] not in cookie
    assert (await running.http.get("/api/session")).json() == {"name": "operator", "role": "operate"}


async def test_behind_https_the_cookie_is_secure(local: Settings) -> None:
    async with console_app(local.model_copy(update={"console_url": "https://console.example.com"})) as running:
        assert "Secure" in await sign_in(running)
        answer = await running.http.delete("/api/session", headers={"Origin": "https://console.example.com"})
        assert answer.status_code == 200


async def test_a_session_ends_after_its_hours(running: RunningConsole, hands: Hands) -> None:
    await sign_in(running)
    hands.now += 12 * 3600 + 1
    assert (await running.http.get("/api/session")).status_code == 401


async def test_after_signing_out_the_cookie_is_worth_nothing(running: RunningConsole) -> None:
    cookie = (await sign_in(running)).partition(";")[0]
    await running.http.delete("/api/session", headers=OWN_PAGE)
    assert (await running.http.get("/api/session", headers={"Cookie": cookie})).status_code == 401


async def test_a_restart_of_the_console_signs_nobody_out(local: Settings) -> None:
    async with console_app(local) as before:
        cookie = (await sign_in(before)).partition(";")[0]
    async with console_app(local) as after:
        assert (await after.http.get("/api/session", headers={"Cookie": cookie})).status_code == 200


async def test_sessions_are_kept_without_a_secret(running: RunningConsole, local: Settings) -> None:
    cookie = await sign_in(running)
    kept = (local.data_dir / "console-sessions.json").read_text()
    assert TOKENS["read"] not in kept
    assert cookie.partition("=")[2].partition(";")[0] not in kept


async def test_a_token_that_was_taken_back_is_signed_out_at_the_next_request(
    running: RunningConsole, local: Settings
) -> None:
    await sign_in(running, "operate")
    file = local.console_tokens
    assert file is not None
    file.write_text("".join(line for line in file.read_text().splitlines(keepends=True) if "operate" not in line))
    assert (await running.http.get("/api/session")).status_code == 401
    running.http.cookies.clear()
    assert (await running.http.get("/api/session", headers=as_operator("operate"))).status_code == 401
    assert (await running.http.get("/api/session", headers=as_operator("read"))).status_code == 200


async def test_a_role_that_changes_counts_at_once(running: RunningConsole, local: Settings) -> None:
    await sign_in(running, "read")
    file = local.console_tokens
    assert file is not None
    file.write_text(f"reader:admin:{TOKENS['read']}\n")
    assert (await running.http.get("/api/session")).json()["role"] == "admin"


async def test_a_wrong_token_is_refused_logged_and_not_shown(running: RunningConsole) -> None:
    with capture_logs() as logs:
        answer = await running.http.post("/api/session", json={"token": "guess" * 10}, headers=OWN_PAGE)
    assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)
    assert [entry["event"] for entry in logs] == ["api.refused"]
    assert "guess" not in str(logs)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"token": 1}', b'{"token": "\xff"}', b'{"token": "' + b"x" * 9000]
)
async def test_an_odd_body_is_refused_in_words(running: RunningConsole, body: bytes) -> None:
    answer = await running.http.post("/api/session", content=body, headers=OWN_PAGE)
    assert answer.status_code in (400, 413)
    assert answer.json()["error"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:8080"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": "http://[127.0.0.1]"},
        {"Origin": "127.0.0.1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1"},
        {},
    ],
)
async def test_a_page_of_another_site_cannot_act_with_the_cookie(
    running: RunningConsole, headers: dict[str, str]
) -> None:
    await sign_in(running)
    assert (await running.http.delete("/api/session", headers=headers)).status_code == 403
    assert (await running.http.get("/api/session")).status_code == 200


async def test_a_program_says_no_origin_and_needs_none(running: RunningConsole) -> None:
    assert (await running.http.delete("/api/session", headers=as_operator("read"))).status_code == 200


async def test_the_api_token_reads(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, api_token=SecretStr("t" * 20))
    async with console_app(settings) as running:
        answer = await running.http.get("/api/session", headers={"Authorization": f"Bearer {'t' * 20}"})
        assert answer.json() == {"name": "api", "role": "read"}


async def test_without_a_file_of_tokens_the_owner_of_the_data_directory_is_admin(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    async with console_app(settings) as running:
        answer = await running.http.get("/api/session", headers={"Authorization": f"Bearer {owner_token(settings)}"})
        assert answer.json() == {"name": "owner", "role": "admin"}


@pytest.mark.parametrize(
    "line",
    [
        "ann",
        "ann:operate",
        "ann:boss:" + "x" * 40,
        ":read:" + "x" * 40,
        "ann:read:short",
        "ann:read:" + "x " * 20,
        "a\nn:read:" + "x" * 40,
        "ann:read:" + "x" * 40 + "\nann:read:" + "y" * 40,
        "ann:read:" + "x" * 40 + "\nbob:read:" + "x" * 40,
    ],
)
def test_a_wrong_line_of_the_file_is_named_and_its_token_is_not(tmp_path: Path, line: str) -> None:
    file = tmp_path / "tokens"
    file.write_text(line)
    with pytest.raises(SettingError, match=r"line \d of .*name:role:token") as refused:
        Operators(Settings(data_dir=tmp_path, console_tokens=file))
    assert "xxxx" not in str(refused.value)


def test_a_line_that_becomes_wrong_keeps_the_others_in(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"# who may\n\nann:read:{'x' * 40}\nbob:admin:{'y' * 40}\n")
    operators = Operators(Settings(data_dir=tmp_path, console_tokens=file))
    file.write_text(f"ann:read:{'x' * 40}\nbob:boss:{'y' * 40} \n")
    assert operators.of_digest(operators.digest("x" * 40)) is not None
    assert operators.of_digest(operators.digest("y" * 40)) is None


def test_a_file_that_is_gone_admits_nobody(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"ann:read:{'x' * 40}\n")
    operators = Operators(Settings(data_dir=tmp_path, console_tokens=file))
    file.unlink()
    assert operators.of_digest(operators.digest("x" * 40)) is None
    with pytest.raises(SettingError, match="cannot be read"):
        Operators(Settings(data_dir=tmp_path, console_tokens=file))
