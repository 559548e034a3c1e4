"""TLS with a private authority: a single server, a cluster, Sentinels and their master."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import redis

from orchestra.bus import Bus, EmbeddedServer
from orchestra.errors import ServerError
from orchestra.settings import Settings
from tests.bus.certificates import Authority
from tests.bus.conftest import REDIS_7, free_ports
from tests.bus.test_servers import works_at

assert REDIS_7 is not None, "redis-server, which speaks TLS, is not installed"
BINARY = Path(REDIS_7)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.in_folder(tmp_path_factory.mktemp("authority"))


@contextmanager
def tls_server(folder: Path, authority: Authority, *options: str, ask_clients: bool = False) -> Iterator[int]:
    """A server that speaks TLS; its port."""
    (port,) = free_ports(1)
    given = (*authority.server_options(port, ask_clients=ask_clients), *options)
    server = EmbeddedServer(folder, binary=BINARY, options=given)
    asyncio.run(server.start())
    try:
        yield port
    finally:
        asyncio.run(server.stop())


@pytest.fixture(scope="module")
def port(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with tls_server(tmp_path_factory.mktemp("server"), authority) as port:
        yield port


@pytest.fixture(scope="module")
def strict_port(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with tls_server(tmp_path_factory.mktemp("server"), authority, ask_clients=True) as port:
        yield port


async def refusal(url: str, folder: Path) -> str:
    with pytest.raises(ServerError) as caught:
        await Bus.connect(Settings(redis_url=url, data_dir=folder))
    assert "\n" not in str(caught.value)
    return str(caught.value)


async def test_the_bus_works_with_a_server_whose_authority_is_named(
    port: int, authority: Authority, tmp_path: Path
) -> None:
    await works_at(f"rediss://localhost:{port}?ssl_ca_certs={authority.ca}", tmp_path)


async def test_the_error_for_an_unknown_authority_says_which_option_names_it(port: int, tmp_path: Path) -> None:
    assert "?ssl_ca_certs=FILE" in await refusal(f"rediss://localhost:{port}", tmp_path)


@pytest.mark.integration
async def test_the_error_for_tls_on_one_side_only_says_which_url_to_write(
    port: int, authority: Authority, tmp_path: Path
) -> None:
    assert "rediss:" in await refusal(f"redis://localhost:{port}", tmp_path)
    (plain,) = free_ports(1)
    async with EmbeddedServer(tmp_path, plain):
        assert "speak TLS" in await refusal(f"rediss://localhost:{plain}?ssl_ca_certs={authority.ca}", tmp_path)


async def test_a_server_that_requires_a_certificate_gets_ours(
    strict_port: int, authority: Authority, tmp_path: Path
) -> None:
    cert, key = authority.sign("client")
    url = f"rediss://localhost:{strict_port}?ssl_ca_certs={authority.ca}"
    await works_at(f"{url}&ssl_certfile={cert}&ssl_keyfile={key}", tmp_path)
    assert "?ssl_certfile=FILE&ssl_keyfile=FILE" in await refusal(url, tmp_path)


async def test_a_cluster_of_one_node_speaks_tls(authority: Authority, tmp_path: Path) -> None:
    (port, side) = free_ports(2)
    options = (
        *authority.server_options(port),
        *("--cluster-enabled", "yes", "--cluster-port", str(side), "--tls-cluster", "yes"),
    )
    async with EmbeddedServer(tmp_path, binary=BINARY, options=options) as server:
        async with redis.asyncio.Redis.from_url(server.url) as client:
            await client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            await client.execute_command("CLUSTER", "MEET", "127.0.0.1", port, side)
            async with asyncio.timeout(30):
                while "cluster_state:ok" not in str(await client.execute_command("CLUSTER", "INFO")):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.01)
        await works_at(
            f"rediss+cluster://localhost:{port}?ssl_ca_certs={authority.ca}",
            tmp_path,
        )


@asynccontextmanager
async def sentinel(folder: Path, master: int, *lines: str) -> AsyncIterator[None]:
    """A Sentinel that watches the master ``calls`` at a port, entered once it knows it."""
    conf, said = folder / "sentinel.conf", folder / "sentinel.log"
    conf.write_text("\n".join(("bind 127.0.0.1", *lines, f"sentinel monitor calls 127.0.0.1 {master} 1", "")))
    with said.open("wb") as log:
        process = await asyncio.create_subprocess_exec(str(BINARY), str(conf), "--sentinel", stdout=log, stderr=log)
    try:
        async with asyncio.timeout(30):
            while b"+monitor" not in said.read_bytes():  # noqa: ASYNC110 - a file
                await asyncio.sleep(0.02)
        yield
    finally:
        process.terminate()
        await process.wait()


def tls_lines(authority: Authority, port: int) -> tuple[str, ...]:
    options = authority.server_options(port)
    pairs = zip(options[::2], options[1::2], strict=True)
    return ("port 0", *(f"{name.removeprefix('--')} {value}" for name, value in pairs), "tls-replication yes")


async def test_sentinels_and_the_master_speak_tls_with_one_authority(
    port: int, authority: Authority, tmp_path: Path
) -> None:
    (watch,) = free_ports(1)
    async with sentinel(tmp_path, port, *tls_lines(authority, watch)):
        url = f"rediss+sentinel://localhost:{watch}/calls?ssl_ca_certs={authority.ca}"
        await works_at(url, tmp_path)
        told = await refusal(f"rediss+sentinel://localhost:{watch}/calls", tmp_path)
        assert f"localhost:{watch}: " in told
        assert "CERTIFICATE_VERIFY_FAILED" in told
        assert "?ssl_ca_certs=FILE" in told
        assert "<" not in told  # no repr of a client
        assert "but not other" in await refusal(url.replace("/calls", "/other"), tmp_path)


async def test_plain_sentinels_name_a_master_that_speaks_tls(port: int, authority: Authority, tmp_path: Path) -> None:
    (watch,) = free_ports(1)
    cert, key = authority.sign("sentinel")
    lines = (f"port {watch}", "tls-replication yes", f"tls-ca-cert-file {authority.ca}")
    async with sentinel(tmp_path, port, *lines, f"tls-cert-file {cert}", f"tls-key-file {key}"):
        url = f"rediss+sentinel://localhost:{watch}/calls?ssl_ca_certs={authority.ca}"
        await works_at(f"{url}&sentinel_ssl=false", tmp_path)
        assert "sentinel_ssl=false" in await refusal(url, tmp_path)


async def test_sentinels_that_speak_tls_name_a_plain_master(authority: Authority, tmp_path: Path) -> None:
    master, watch = free_ports(2)
    lines = [each for each in tls_lines(authority, watch) if each != "tls-replication yes"]
    async with EmbeddedServer(tmp_path, master), sentinel(tmp_path, master, *lines):
        await works_at(
            f"redis+sentinel://localhost:{watch}/calls?sentinel_ssl=true&ssl_ca_certs={authority.ca}", tmp_path
        )


async def test_a_wrong_password_for_sentinels_is_reported(tmp_path: Path) -> None:
    master, watch = free_ports(2)
    async with (
        EmbeddedServer(tmp_path, master),
        sentinel(tmp_path, master, f"port {watch}", "requirepass theirs"),
    ):
        url = f"redis+sentinel://localhost:{watch},127.0.0.1:{watch}/calls"
        await works_at(f"{url}?sentinel_password=theirs", tmp_path)
        told = await refusal(f"{url}?sentinel_password=other", tmp_path)
        assert "invalid username-password pair" in told
        assert "other" not in told
        assert "set sentinel_password" in await refusal(url, tmp_path)
