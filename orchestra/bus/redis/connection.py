"""A connection to a Redis server for the hot path: commands are pipelined, and replies call back at once.

redis-py takes about four times the CPU per command and retries by itself; here every caller decides what a lost answer
means. Everything else (administration, state of other rooms) uses redis-py.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, cast

import hiredis
import structlog
from redis.exceptions import ConnectionError as LostConnectionError
from redis.exceptions import InvalidResponse, RedisError, ResponseError

from orchestra.bus.redis import scripts
from orchestra.bus.redis.address import Address
from orchestra.bus.redis.refusal import Outage, describe_error, is_forbidden

_LOG = structlog.get_logger("orchestra.bus")
_LISTEN_S = 0.3

Reply = Any
OnReply = Callable[[Reply], None]
Argument = str | bytes | int | float

pack = cast("Callable[[tuple[Argument, ...]], bytes]", hiredis.pack_command)

#: replies that say "not now" or "not here": the command was not run and may be sent again after reconnecting
_TRANSIENT = frozenset({
    "LOADING", "BUSY", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "READONLY", "NOSCRIPT", "MOVED", "ASK", "OOM",
    "MISCONF", "NOREPLICAS", "NOAUTH", "WRONGPASS", "NOPERM",
})  # fmt: skip
#: those of them that a new connection cures: another server is the master now, our scripts are not loaded, or our
#: authentication was lost
_ELSEWHERE = frozenset({"READONLY", "MOVED", "ASK", "NOSCRIPT", "MASTERDOWN", "CLUSTERDOWN", "NOAUTH"})


class TransientError(LostConnectionError):
    """The server is up but cannot run the command now; if ``elsewhere``, a new connection is needed first."""

    @property
    def elsewhere(self) -> bool:
        """Whether to connect again before the next try."""
        return str(self).partition(" ")[0] in _ELSEWHERE


def _reply_error(text: str) -> RedisError:
    if text.partition(" ")[0] in _TRANSIENT or is_forbidden(text):
        return TransientError(text)
    return ResponseError(text)


class _RespProtocol(asyncio.Protocol):
    """One open connection: the commands that were sent wait in order for their replies."""

    def __init__(self, timeout_s: float, *, keep_open: bool = False) -> None:
        self.waiting: deque[OnReply] = deque()
        self.open = False
        #: bytes received
        self.received = 0
        self._unsent: list[bytes] = []
        self._collecting = False
        self._timeout_s = timeout_s
        self._keep_open = keep_open
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(protocolError=InvalidResponse, replyError=_reply_error)
        self._progress = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        #: why it ended, if the server said so
        self._why: Exception | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one without being a subclass
        self.open = True

    def data_received(self, data: bytes) -> None:
        """Answer those who wait, oldest first: a server replies in the order of the commands.

        The connection ends on what nobody asked for, on what is no RESP, and on a server that refers to another one.
        """
        self._progress = self._loop.time()
        self.received += len(data)
        self._reader.feed(data)
        waiting = self.waiting
        try:
            while (reply := self._reader.gets()) is not False:
                if not waiting:  # said by a server before it closes: too many clients, protected mode
                    unasked = InvalidResponse(f"nobody asked for {reply!r}")
                    self._end(reply if isinstance(reply, Exception) else unasked)
                    return
                waiting.popleft()(reply)
                if type(reply) is TransientError and reply.elsewhere and not self._keep_open:
                    self._end(reply)
                    return
        except InvalidResponse as error:
            self._end(InvalidResponse(f"the server there is not a Redis: {error}"))

    def _end(self, why: Exception) -> None:
        self._why = why
        self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        if self._watch is not None:
            self._watch.cancel()
        lost = f"connection lost: {exc}" if exc else "connection closed by the server"
        error = LostConnectionError(str(self._why) if self._why else lost)
        while self.waiting:
            self.waiting.popleft()(error)

    def write(self, data: bytes, on_reply: OnReply) -> None:
        """Send a packed command; ``on_reply`` gets its reply or error once, never before this returns."""
        if self._transport is None or not self.open:
            self._loop.call_soon(on_reply, LostConnectionError(str(self._why or "not connected")))
            return
        if not self.waiting:
            self._progress = self._loop.time()
            if self._watch is None:
                self._watch = self._loop.call_later(self._timeout_s, self._check)
        self.waiting.append(on_reply)
        if self._collecting:
            self._unsent.append(data)
            return
        # the first command goes out now, for the latency; those after it in this step of the event loop go together
        self._collecting = True
        self._loop.call_soon(self._flush)
        self._transport.write(data)

    def _flush(self) -> None:
        """Write the commands that one step of the event loop has sent after its first one, in one system call."""
        self._collecting = False
        if not self._unsent:
            return
        unsent, self._unsent = self._unsent, []
        if self._transport is not None and self.open:
            self._transport.write(unsent[0] if len(unsent) == 1 else b"".join(unsent))

    @property
    def silent_s(self) -> float:
        """For how many seconds nothing has arrived while commands wait."""
        return self._loop.time() - self._progress if self.waiting else 0.0

    def _check(self) -> None:
        """Give up a server that does not answer: a paused one would hold every caller for ever."""
        self._watch = None
        if not self.waiting:
            return
        left = self._progress + self._timeout_s - self._loop.time()
        if left <= 0:
            self.abort()
        else:
            self._watch = self._loop.call_later(left, self._check)

    def abort(self) -> None:
        self.open = False
        if self._transport is not None:
            self._transport.abort()


class RedisConnection:
    """One connection that opens when it is first used and again after it was lost.

    Lost means: every command without an answer ends with redis-py's ConnectionError; whether the server ran it is
    unknown, and nothing is sent again automatically. With ``keep_open`` it stays connected to a server that refers it
    to another one.
    """

    def __init__(
        self, where: Callable[[], Awaitable[Address]], *, timeout_s: float = 5.0, keep_open: bool = False
    ) -> None:
        self.client_id = 0
        #: where it was connected last
        self.address: Address | None = None
        #: how long a command may wait for its answer before the connection is given up, in seconds; read when it opens
        self.timeout_s = timeout_s
        self._where = where
        self._keep_open = keep_open
        self._outage = Outage()
        self._protocol: _RespProtocol | None = None
        self._opening = asyncio.Lock()
        self._closed = False

    @property
    def connected(self) -> bool:
        """Whether a command sent now would reach the server, as far as we know."""
        return self._protocol is not None and self._protocol.open

    @property
    def silent_s(self) -> float:
        """For how many seconds nothing has arrived while commands wait; 0 if none waits."""
        return 0.0 if self._protocol is None else self._protocol.silent_s

    @property
    def received(self) -> int:
        """Bytes received over the current connection."""
        return 0 if self._protocol is None else self._protocol.received

    async def open(self) -> None:
        """Connect unless connected.

        Raises:
            redis.exceptions.ConnectionError: the server cannot be reached, or is still loading.

        """
        async with self._opening:
            if self.connected:
                return
            if self._closed:
                msg = "this connection was closed"
                raise LostConnectionError(msg)
            address: Address | None = None
            try:
                async with asyncio.timeout(self.timeout_s):
                    address = await self._where()
                    self._protocol = await self._connect(address)
                    self.address = address
            except (OSError, TimeoutError) as error:
                silent = "it does not answer" + ("; does it speak TLS there?" if address and address.tls else "")
                msg = f"no Redis at {address or 'the given place'}: {str(error) or silent}"
                raise LostConnectionError(msg) from error

    def log_refusal(self, error: RedisError, **where: object) -> None:
        """Log once what the server refuses; that it cannot be reached is reported by the rebalancer."""
        refused = isinstance(error, ResponseError) or (isinstance(error, TransientError) and not error.elsewhere)
        if refused and self._outage.should_log(error):
            _LOG.warning("redis.refuses", error=describe_error(error), **where)

    async def _connect(self, address: Address) -> _RespProtocol:
        loop = asyncio.get_running_loop()
        make = lambda: _RespProtocol(self.timeout_s, keep_open=self._keep_open)  # noqa: E731
        if address.path:
            _, protocol = await loop.create_unix_connection(make, address.path)
        else:
            _, protocol = await loop.create_connection(make, address.host, address.port, ssl=address.tls)
        try:
            await self._introduce(protocol, address)
        except BaseException as error:
            protocol.abort()
            if not isinstance(error, RedisError):
                raise
            if type(error) is LostConnectionError and not protocol.received:
                said = await _first_words(address)
                plain = "" if address.tls or address.path else "; if it speaks TLS, write rediss: for redis:"
                raise LostConnectionError(said or f"{error}{plain}") from error
            if isinstance(error, LostConnectionError):
                raise
            raise LostConnectionError(str(error)) from error
        return protocol

    async def _introduce(self, protocol: _RespProtocol, address: Address) -> None:
        """Authenticate and load the scripts. Commands that are useful but not needed may be forbidden to us."""
        if address.password:
            user = (address.username,) if address.username else ()
            await _ask(protocol, "AUTH", *user, address.password)
        if address.db:
            await _ask(protocol, "SELECT", address.db)
        named = await _optional(protocol, "CLIENT", "SETNAME", "orchestra")
        try:
            client_id = await _optional(protocol, "CLIENT", "ID")
            self.client_id = client_id if isinstance(client_id, int) else 0
            for script in scripts.ALL:
                await _load(protocol, script)
        except TransientError:
            raise
        except LostConnectionError as error:
            if isinstance(named, Exception):  # the first reply said why it closed: too many clients, for instance
                raise LostConnectionError(str(named)) from error
            raise

    def send(self, command: bytes, on_reply: OnReply) -> None:
        """Send a packed command; ``on_reply`` gets the reply or the exception, later, in order."""
        protocol = self._protocol
        if protocol is None:
            asyncio.get_running_loop().call_soon(on_reply, LostConnectionError("not connected"))
        else:
            protocol.write(command, on_reply)

    async def call(self, *args: Argument, arrived: OnReply | None = None) -> Reply:
        """Connect if needed, send one command and wait for its reply; ``arrived`` is called the moment it is there.

        Raises:
            redis.exceptions.ConnectionError: it is unknown whether the command was run.
            redis.exceptions.ResponseError: the server refused it.

        """
        if not self.connected:
            await self.open()
        assert self._protocol is not None
        return await _ask(self._protocol, *args, arrived=arrived)

    async def calls(self, commands: list[tuple[Argument, ...]]) -> list[Reply]:
        """Send several commands at once; in place of the reply of a refused one is its exception."""
        replies = await self.try_calls(commands)
        for reply in replies:
            if isinstance(reply, TransientError):
                raise reply
        return replies

    async def try_calls(self, commands: list[tuple[Argument, ...]]) -> list[Reply]:
        """The same, with exceptions also in place of what the server cannot run now, or not for this user."""
        if not self.connected:
            await self.open()
        assert self._protocol is not None
        replies = await asyncio.gather(*(_ask(self._protocol, *args) for args in commands), return_exceptions=True)
        for reply in replies:
            if isinstance(reply, BaseException) and not isinstance(reply, ResponseError | TransientError):
                raise reply
        return replies

    def drop(self) -> None:
        """Drop the current connection; the next use opens another."""
        if self._protocol is not None:
            self._protocol.abort()

    async def close(self) -> None:
        """Close for good."""
        self._closed = True
        self.drop()


async def _first_words(address: Address) -> str:
    """What a server says that closes at once; one who sends first may not receive it. Empty if it says nothing."""
    with contextlib.suppress(OSError, TimeoutError, ValueError):
        async with asyncio.timeout(_LISTEN_S):
            if address.path:
                reader, writer = await asyncio.open_unix_connection(address.path)
            else:
                reader, writer = await asyncio.open_connection(address.host, address.port, ssl=address.tls)
            try:
                kind, message = await reader.readexactly(1), await reader.readline()
            except asyncio.IncompleteReadError:
                return ""
            finally:
                writer.close()
            return message.decode("utf-8", "replace").strip() if kind == b"-" else ""
    return ""


async def _optional(protocol: _RespProtocol, *args: Argument) -> Reply | RedisError:
    """Send a command that may be forbidden or unknown there; that error is returned."""
    try:
        return await _ask(protocol, *args)
    except ResponseError as error:
        return error
    except TransientError as error:
        if is_forbidden(str(error)):
            return error
        raise


async def _load(protocol: _RespProtocol, script: scripts.Script) -> None:
    if isinstance(await _optional(protocol, "SCRIPT", "LOAD", script.text), Exception):
        # if that is refused, too, so is EVALSHA, and whoever needs it gets that error
        with contextlib.suppress(TransientError, ResponseError):
            await _ask(protocol, "EVAL", script.text, 0)


async def _ask(protocol: _RespProtocol, *args: Argument, arrived: OnReply | None = None) -> Reply:
    answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    def on_reply(reply: Reply) -> None:
        """``arrived`` sees the reply in the step in which it comes, before whoever awaits it runs."""
        if answer.done():
            return
        if isinstance(reply, BaseException):
            answer.set_exception(reply)
            return
        if arrived is not None:
            try:
                arrived(reply)
            except Exception as error:  # noqa: BLE001 - the caller gets it
                answer.set_exception(error)
                return
        answer.set_result(reply)

    protocol.write(pack(args), on_reply)
    return await answer
