"""The console's own process: the address that it takes, what it says at start, and its end."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from orchestra.cli.doctor.console import console as finding
from orchestra.console.address import local_address, owner_token, sign_in_line
from orchestra.console.process import run_console
from orchestra.errors import SettingError
from orchestra.settings import Settings
from tests.console.consoles import console_settings, serving_console
from tests.servers.first_answer import first_answer


async def test_an_address_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingError, match=f"console cannot listen on 127.0.0.1:{port}.*ORCHESTRA_CONSOLE_PORT"):
            await run_console(Settings(data_dir=tmp_path, console_port=port))


def test_only_the_owner_of_this_machine_is_given_an_address_that_signs_in(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, api_token=SecretStr("t" * 40))
    token = owner_token(settings)
    assert sign_in_line(settings) == f"http://127.0.0.1:8470/sign-in#{token}"
    for change in ({"console_tokens": tmp_path / "tokens"}, {"console_url": "https://console.example.com"}):
        told = sign_in_line(settings.model_copy(update=change))
        assert token not in told
        assert "sign in with" in told


@pytest.mark.parametrize(("host", "address"), [("0.0.0.0", "127.0.0.1"), ("::1", "[::1]"), ("10.0.0.7", "10.0.0.7")])
def test_the_local_address_is_one_that_a_browser_can_open(host: str, address: str) -> None:
    assert local_address(Settings(console_host=host)) == f"http://{address}:8470"


async def test_the_doctor_tells_how_the_console_is(tmp_path: Path) -> None:
    settings = console_settings(Settings(data_dir=tmp_path))
    async with serving_console(settings) as running:
        found = await finding(running.console.settings)
    assert (found.ok, found.detail.partition("; ")[2]) == (False, "tokens that admit somebody: 3")
    assert "Redis does not answer" in found.detail
    away = await finding(running.console.settings)
    assert (away.ok, "not running at" in away.detail) == (None, True)
    assert (await finding(settings.model_copy(update={"console": False}))).ok is None
    open_to_all = await finding(settings.model_copy(update={"console_host": "0.0.0.0"}))
    assert (open_to_all.ok, "unencrypted" in open_to_all.detail) == (False, True)
    (tmp_path / "console-tokens").write_text("ann:boss:secret")
    wrong = await finding(settings)
    assert (wrong.ok, "line 1" in wrong.detail, "secret" in wrong.detail) == (False, True, False)


@pytest.mark.integration
async def test_the_command_serves_without_redis_until_it_is_told_to_stop(tmp_path: Path) -> None:
    """It says no token to a log, answers on its port, and ends in order."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port = probe.getsockname()[1]
    settings = Settings(data_dir=tmp_path, console_port=port)
    environment = os.environ | {"ORCHESTRA_DATA_DIR": str(tmp_path), "ORCHESTRA_CONSOLE_PORT": str(port)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "orchestra.cli", "console"), env=environment, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE
    )
    try:
        async with asyncio.timeout(60), httpx.AsyncClient(base_url=local_address(settings), trust_env=False) as http:
            health = await first_answer(http, "/healthz", has_ended=lambda: process.returncode is not None)
            assert health.json() == {"status": "ok", "redis": False}
            headers = {"Authorization": f"Bearer {owner_token(settings)}"}
            assert (await http.get("/api/session", headers=headers)).json()["name"] == "owner"
            process.send_signal(signal.SIGTERM)
            _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0
    assert b"console.ready" in said
    assert owner_token(settings).encode() not in said
