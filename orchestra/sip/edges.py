"""The edges as the gateway has them: a question goes to one that answers, a stream to the one that offered it."""

import asyncio
import io
import ssl
import wave

import httpx
import msgspec
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidMessage

from orchestra.errors import NoEdgeError, UsageError
from orchestra.settings import Settings
from orchestra.storage.secrets import sip_token
from orchestra.voice.carriers.port import LONGEST_MESSAGE
from orchestra.voice.carriers.sip import messages
from orchestra.voice.carriers.sip.messages import BusyStep, GatewayStep

_LOG = structlog.get_logger("orchestra.sip")

_ANSWER_WITHIN_S = 10.0
_CONNECT_WITHIN_S = 2.0
_BETWEEN_ROUNDS_S = 0.25
#: whoever asks for our health does not wait for long
_HEALTH_WITHIN_S = 1.0
#: an edge that says nothing for so long has hung: its machine is gone, or it does not come to its sockets
_PING_S, _PONG_WITHIN_S = 4.0, 6.0
#: what an edge that reads nothing may hold up, in bytes; then audio is dropped until it reads again, or its socket dies
MOST_UNSENT = 32_768

_STEP: msgspec.json.Decoder[GatewayStep] = msgspec.json.Decoder(GatewayStep)


class Edges:
    """The edges that the settings name.

    Args:
        settings: where they are, and the token that they know us by.

    Attributes:
        away: questions that no edge has answered.

    """

    def __init__(self, settings: Settings) -> None:
        self.urls = edge_urls(settings)
        self.away = 0
        self._patience_s = max(settings.reconnect_s, 1.0)
        self._preferred = 0
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(_ANSWER_WITHIN_S, connect=_CONNECT_WITHIN_S),
            headers={"Authorization": f"Bearer {sip_token(settings)}"},
            trust_env=False,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def answering(self) -> int:
        """How many edges answer now."""
        return sum(await asyncio.gather(*map(self._answers, self.urls)))

    async def _answers(self, url: str) -> bool:
        try:
            return (await self._http.get(f"{url}/healthz", timeout=_HEALTH_WITHIN_S)).is_success
        except httpx.HTTPError:
            return False

    async def offer(self, request: messages.OfferRequest) -> tuple[str, GatewayStep]:
        """Offer a call to one edge after another, until one takes it. Returns that edge, and what it says.

        Raises:
            NoEdgeError: none answers.

        """
        found: tuple[str, GatewayStep] | None = None
        for url in self._in_turn():
            step = await self._ask(url, messages.CALLS_PATH, request)
            if step is not None:
                found = (url, step)
                if not isinstance(step, BusyStep):
                    return found
        if found is None:
            self.away += 1
            msg = f"no edge answers at {', '.join(self.urls)}"
            raise NoEdgeError(msg)
        return found

    async def ask(self, path: str, request: msgspec.Struct) -> tuple[str, GatewayStep]:
        """Ask what happens next in a call, until an edge answers.

        Raises:
            NoEdgeError: none does, for as long as a call may be without one.

        """
        deadline = asyncio.get_running_loop().time() + self._patience_s
        while True:
            for url in self._in_turn():
                step = await self._ask(url, messages.CALLS_PATH + path, request)
                if step is not None:
                    return url, step
            if asyncio.get_running_loop().time() > deadline:
                self.away += 1
                msg = f"no edge answers at {', '.join(self.urls)}"
                raise NoEdgeError(msg)
            await asyncio.sleep(_BETWEEN_ROUNDS_S)

    async def briefing(self, call: str, parties: messages.GatewayCall) -> bytes:
        """The briefing of the call's transfer as speech, 16-bit samples at 8 kHz; empty where no edge speaks it."""
        request = msgspec.json.encode(messages.BriefingRequest(parties=parties))
        for url in self._in_turn():
            try:
                answer = await self._http.post(f"{url}{messages.CALLS_PATH}/{call}/briefing", content=request)
            except httpx.HTTPError as error:
                _LOG.warning("sip.edge_does_not_answer", url=url, reason=repr(error))
                continue
            if answer.is_success:
                return answer.content
        return b""

    async def hold_music(self, path: str) -> bytes:
        """The music at this path of any edge: 16-bit samples at 8 kHz; empty where none has it."""
        for url in self._in_turn():
            try:
                answer = await self._http.get(f"{url}{path}")
                if answer.is_success:
                    with wave.open(io.BytesIO(answer.content), "rb") as file:
                        return file.readframes(file.getnframes())
                reason = str(answer.status_code)
            except (httpx.HTTPError, EOFError, wave.Error) as error:
                reason = repr(error)
            _LOG.warning("sip.no_hold_music", url=url, path=path, reason=reason)
        return b""

    async def open_stream(self, url: str, start: messages.Start) -> ClientConnection | None:
        """Open a media stream at this edge. None: the edge has gone since it answered."""
        try:
            socket = await connect(
                url.replace("http", "ws", 1) + messages.STREAM_PATH,
                proxy=None,
                compression=None,
                max_size=2 * LONGEST_MESSAGE,
                open_timeout=_ANSWER_WITHIN_S,
                ping_interval=_PING_S,
                ping_timeout=_PONG_WITHIN_S,
                # beyond it who writes waits: the audio of all calls would, and the end of a socket without an answer
                write_limit=2 * MOST_UNSENT,
                close_timeout=1.0,
            )
        except (OSError, TimeoutError, InvalidHandshake, InvalidMessage, ssl.SSLError) as error:
            _LOG.warning("sip.edge_gone", url=url, error=repr(error))
            return None
        await socket.send(msgspec.json.encode(start).decode())
        return socket

    def _in_turn(self) -> list[str]:
        """All edges, the next one first."""
        self._preferred = (self._preferred + 1) % len(self.urls)
        return self.urls[self._preferred :] + self.urls[: self._preferred]

    async def _ask(self, url: str, path: str, request: msgspec.Struct) -> GatewayStep | None:
        try:
            answer = await self._http.post(url + path, content=msgspec.json.encode(request))
            if answer.is_success:
                return _STEP.decode(answer.content)
            reason = f"{answer.status_code} {answer.text[:200]}"
        except (httpx.HTTPError, msgspec.DecodeError) as error:
            reason = repr(error)
        _LOG.warning("sip.edge_does_not_answer", url=url, reason=reason)
        return None


def edge_urls(settings: Settings) -> list[str]:
    """The base URLs of the edges.

    Raises:
        UsageError: one of them is not a URL.

    """
    given = [url.strip().rstrip("/") for url in settings.sip_edges.split(",") if url.strip()]
    if wrong := [url for url in given if not url.startswith(("http://", "https://"))]:
        msg = f"ORCHESTRA_SIP_EDGES names {wrong[0]!r}: write http://HOST:PORT"
        raise UsageError(msg)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    local = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)  # noqa: S104 - what an edge listens on
    return given or [f"http://{local}:{settings.port}"]
