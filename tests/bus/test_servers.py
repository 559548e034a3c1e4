"""Servers behind TLS and Sentinel, and invalid URLs."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from orchestra.bus import Bus, Consumer, EmbeddedServer
from orchestra.bus.redis.embedded import binary_path
from orchestra.bus.redis.topology import ServerFacts, find_servers
from orchestra.errors import ServerError
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import CallStarted, UserTurnEnded
from tests.bus.conftest import free_ports
from tests.bus.test_cancellation import obeys


async def works_at(url: str, folder: Path) -> None:
    """Check that a consumer handles an event that is published there."""
    consumer, bus = Consumer("mood"), await Bus.connect(Settings(redis_url=url, data_dir=folder))

    @consumer.on(UserTurnEnded)
    async def handle(event: UserTurnEnded) -> CallStarted:
        return CallStarted(call=event.call)

    test_bus = TestBus(bus)
    async with test_bus.run(consumer):
        (event,) = await test_bus.publish(UserTurnEnded(call=test_bus.call(), text=""))
        await test_bus.settled()
    assert len(await test_bus.published(CallStarted, event.call)) == 1
    await bus.redis.set("{x}:y", "z")
    assert await bus.redis.get("{x}:y") == b"z"
    await obeys(bus.redis)
    await bus.close()


def certificate(folder: Path) -> None:
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    files = ("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"))
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names, *files]
    subprocess.run(command, check=True, capture_output=True)


@asynccontextmanager
async def tls_in_front(socket_path: str, folder: Path) -> AsyncIterator[int]:
    """A proxy that speaks TLS and passes everything on."""
    certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind_reader, behind_writer = await asyncio.open_unix_connection(socket_path)
        both = copy(reader, behind_writer), copy(behind_reader, writer)
        await asyncio.gather(*both, return_exceptions=True)
        behind_writer.close()
        writer.close()

    server = await asyncio.start_server(pass_on, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl")
async def test_the_bus_works_over_tls_and_checks_the_certificate(tmp_path: Path) -> None:
    async with EmbeddedServer(tmp_path) as server, tls_in_front(server.url.removeprefix("unix://"), tmp_path) as port:
        await works_at(f"rediss://localhost:{port}?ssl_ca_certs={tmp_path / 'cert.pem'}", tmp_path)
        with pytest.raises(ServerError, match="certificate"):
            await Bus.connect(Settings(redis_url=f"rediss://localhost:{port}", data_dir=tmp_path))


async def test_the_bus_works_behind_sentinel(tmp_path: Path) -> None:
    master_port, sentinel_port = free_ports(2)
    conf = tmp_path / "sentinel.conf"
    conf.write_text(f"port {sentinel_port}\nbind 127.0.0.1\nsentinel monitor calls 127.0.0.1 {master_port} 1\n")
    async with EmbeddedServer(tmp_path, master_port):
        log = (tmp_path / "sentinel.log").open("wb")
        sentinel = await asyncio.create_subprocess_exec(
            str(binary_path()), str(conf), "--sentinel", stdout=log, stderr=log
        )
        log.close()
        try:
            async with asyncio.timeout(30):
                while b"+monitor" not in (tmp_path / "sentinel.log").read_bytes():  # noqa: ASYNC110 - a file
                    await asyncio.sleep(0.02)
            await works_at(f"redis+sentinel://127.0.0.1:{sentinel_port}/calls/0", tmp_path)
        finally:
            sentinel.terminate()
            await sentinel.wait()


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost", "redis+sentinel://localhost:26379", "redis+sentinel:///calls", "redis+sentinel://a:b/calls",
        "redis+sentinel://a,,b/calls", "redis+sentinel://[::1/calls", "redis://localhost?colour=red",
        "redis://localhost?ssl_ca_certs=/etc/ca.pem", "rediss://localhost?ssl_ca_certs=/nowhere/ca.pem",
        "rediss://localhost?ssl_cert_reqs=perhaps", "rediss+sentinel://a/calls?ssl_certfile=/nowhere/cert.pem",
        "redis+cluster://localhost?socket_timeout=soon",
    ],
)  # fmt: skip
def test_an_invalid_url_is_refused_with_the_reason(url: str) -> None:
    with pytest.raises(ServerError, match="redis"):
        find_servers(url)


def test_a_password_is_not_shown_in_messages() -> None:
    with pytest.raises(ServerError) as caught:
        find_servers("redis+sentinel://user:secret@localhost:26379")
    assert "secret" not in str(caught.value)


async def test_an_unreachable_server_is_reported_in_one_clear_line(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with pytest.raises(ServerError, match=f"127.0.0.1:{port} cannot be used: no Redis at"):
        await Bus.connect(Settings(redis_url=f"redis://127.0.0.1:{port}", data_dir=tmp_path))


def test_a_server_that_is_too_old_is_refused_and_valkey_is_not() -> None:
    old = ServerFacts.read("redis_version:6.2.14\r\naof_enabled:1\r\n")
    assert (old.product, old.durable) == ("redis", True)
    with pytest.raises(ServerError, match=r"7\.0 or newer"):
        old.check("localhost")
    ServerFacts.read("redis_version:7.2.4\r\nvalkey_version:9.1.2\r\n").check("localhost")
