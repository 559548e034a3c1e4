"""What stays open: event streams and WebSockets, which end when whoever opened them is no longer signed in."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestra.console.sign_in import CREDENTIAL, Credential

_LOG = structlog.get_logger("orchestra.console")

_CHECK_EVERY_S = 1.0
#: WebSocket close codes: 4000 and above are an application's own, 1012 is "service restart" (IANA's register)
SIGNED_OUT, STOPPING = 4401, 1012


@dataclass(eq=False, slots=True)
class _Open:
    task: "asyncio.Task[Any]"
    scope: Scope
    #: by which code it was told to end
    ended_by: int = 0


class OpenStreams:
    """Every open stream. To end one is to cancel its task: those who serve it clean up in ``finally``."""

    def __init__(self) -> None:
        self._open: set[_Open] = set()

    def count(self, kind: str) -> int:
        """How many are open: ``http`` are event streams, ``websocket`` are WebSockets."""
        return sum(each.scope["type"] == kind for each in self._open)

    async def watch(self) -> None:
        """End each stream within about a second after its operator is signed out, until cancelled."""
        while True:
            await asyncio.sleep(_CHECK_EVERY_S)
            for each in list(self._open):
                credential: Credential | None = each.scope.get(CREDENTIAL)
                if credential is not None and not each.ended_by and not credential.holds():
                    _LOG.info("console.stream_ended", operator=credential.operator.name, path=each.scope["path"][:100])
                    self._end(each, SIGNED_OUT)

    def end_all(self) -> None:
        """End every stream, because the console stops."""
        for each in list(self._open):
            self._end(each, STOPPING)

    @staticmethod
    def _end(stream: _Open, code: int) -> None:
        if not stream.ended_by:  # a second cancellation would break off its cleaning up
            stream.ended_by = code
            stream.task.cancel()

    async def serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, and know about it while it is a stream."""
        task = asyncio.current_task()
        assert task is not None
        stream = _Open(task, scope)
        if scope["type"] == "websocket":
            self._open.add(stream)

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_event_stream(message):
                self._open.add(stream)
            await send(message)

        try:
            await app(scope, receive, watched)
        except asyncio.CancelledError:
            if not stream.ended_by:
                raise
            task.uncancel()
            with suppress(OSError, RuntimeError):  # the peer was faster
                await send(_last_message(scope, stream.ended_by))
        finally:
            self._open.discard(stream)


class EndingStreams:
    """Middleware by which `OpenStreams` sees every request."""

    def __init__(self, app: ASGIApp, streams: OpenStreams) -> None:
        self._app = app
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, and know about it while it is a stream."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        else:
            await self._streams.serve(self._app, scope, receive, send)


def _is_event_stream(message: Message) -> bool:
    return any(name.lower() == b"content-type" and b"text/event-stream" in value for name, value in message["headers"])


def _last_message(scope: Scope, code: int) -> Message:
    if scope["type"] == "http":
        return {"type": "http.response.body", "body": b"", "more_body": False}
    reason = "signed out" if code == SIGNED_OUT else "the console stops"
    return {"type": "websocket.close", "code": code, "reason": reason}
