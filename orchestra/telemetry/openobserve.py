"""OpenObserve's HTTP interface: inserts rows, and interprets the answers.

The status code is not enough: OpenObserve answers 200 if it discarded records of a batch, and even if it wrote none.
Source: OpenObserve 0.93.0, core/src/logs/ingest.rs.
"""

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import Any

import httpx
import msgspec

from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import SettingError
from orchestra.settings import Settings
from orchestra.telemetry.rows import Row, body_of

_GZIP = 31
_FASTEST = 1
#: seconds by which our window is shorter than the server's, since a request takes time
_MARGIN_S = 120
_WORDS = 500


class Outcome(Enum):
    """The result of a request for its rows."""

    STORED = "all were counted"
    REFUSED = "the server will not take some of them, or not together"
    LOST = "the server said yes and did not count them"
    BUSY = "the server cannot take them now"
    DENIED = "the server will not take anything from us"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a request, and the server's words."""

    outcome: Outcome
    words: str = ""


class _Status(msgspec.Struct):
    successful: int = 0
    failed: int = 0
    error: str = ""


class _Answer(msgspec.Struct):
    status: list[_Status] = []


_decode = msgspec.json.Decoder(_Answer).decode
_TOO_BIG_OR_WRONG = {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
_PASSES = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}


def judge(status: int, body: bytes, sent: int) -> Verdict:
    """The verdict of an answer to ``sent`` rows. Only an exact count means that they are stored."""
    words = f"{status} {body[:_WORDS].decode('utf-8', 'replace').strip()}"
    if status == HTTPStatus.OK:
        return _judge_counts(body, sent, words)
    if status in _TOO_BIG_OR_WRONG:
        # a quota is renewed some time; a wrong record stays wrong
        return Verdict(Outcome.BUSY if b"uota exceeded" in body else Outcome.REFUSED, words)
    if status in _PASSES or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Verdict(Outcome.BUSY, words)
    return Verdict(Outcome.DENIED, words)


def _judge_counts(body: bytes, sent: int, words: str) -> Verdict:
    try:
        counts = _decode(body).status
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Verdict(Outcome.LOST, f"an answer that is not OpenObserve's: {words}")
    successful, failed = sum(each.successful for each in counts), sum(each.failed for each in counts)
    if successful == sent and not failed:
        return Verdict(Outcome.STORED)
    if failed:
        said = "; ".join(each.error for each in counts if each.error)
        return Verdict(Outcome.REFUSED, said or f"{failed} of {sent} records failed")
    return Verdict(Outcome.LOST, f"{successful} of {sent} records counted, none failed")


def credentials(settings: Settings) -> str:
    """The Authorization header: Basic, with the password or an ingestion token.

    Raises:
        SettingError: there is no user, or neither password nor token.

    """
    secret = settings.openobserve_password.get_secret_value() or settings.openobserve_token.get_secret_value()
    if not settings.openobserve_user or not secret:
        msg = (
            "OpenObserve asks for a user and a secret: set ORCHESTRA_OPENOBSERVE_USER, and"
            " ORCHESTRA_OPENOBSERVE_PASSWORD or ORCHESTRA_OPENOBSERVE_TOKEN"
        )
        raise SettingError(msg)
    return "Basic " + base64.b64encode(f"{settings.openobserve_user}:{secret}".encode()).decode()


def api_url(settings: Settings) -> str:
    """``http://host:5080/api/<organization>``.

    Raises:
        SettingError: no URL is set.

    """
    if not settings.openobserve_url:
        msg = "no OpenObserve is set: ORCHESTRA_OPENOBSERVE_URL=http://host:5080"
        raise SettingError(msg)
    return f"{settings.openobserve_url.rstrip('/')}/api/{settings.openobserve_org}"


class Request(msgspec.Struct, frozen=True):
    """An insertion, ready to be sent: its path and gzipped JSON. ``late`` rows are sent with the current time."""

    path: str
    body: bytes
    rows: int
    late: int

    @classmethod
    def of(cls, stream: str, rows: list[Row], window_h: float, now: float | None = None) -> "Request":
        """The request for rows of one stream at a moment (epoch seconds; now unless given)."""
        now = SYSTEM_CLOCK.time() if now is None else now
        text, late = body_of(rows, round(now * 1e6), round((window_h * 3600 - _MARGIN_S) * 1e6))
        packer = zlib.compressobj(_FASTEST, zlib.DEFLATED, _GZIP)
        return cls(f"/{stream}/_json", packer.compress(text) + packer.flush(), len(rows), late)


HEADERS = {"Content-Type": "application/json", "Content-Encoding": "gzip"}


class OpenObserve:
    """One server and organization, over pooled connections.

    Raises:
        SettingError: URL or credentials are not set.

    """

    def __init__(self, settings: Settings, *, timeout_s: float = 30.0) -> None:
        self.window_h = settings.openobserve_window_h
        self.late = 0
        self.bytes_sent = 0
        self._http = httpx.AsyncClient(
            base_url=api_url(settings), timeout=timeout_s, headers={"Authorization": credentials(settings)}
        )

    async def insert(self, stream: str, rows: Sequence[Row]) -> Verdict:
        """Send rows of one stream. Errors of the server or the network are a verdict, not an exception."""
        request = Request.of(stream, list(rows), self.window_h)
        try:
            answer = await self._http.post(request.path, content=request.body, headers=HEADERS)
        except httpx.HTTPError as error:
            return Verdict(Outcome.BUSY, repr(error))
        self.bytes_sent += len(request.body)
        verdict = judge(answer.status_code, answer.content, request.rows)
        if verdict.outcome is Outcome.STORED:
            self.late += request.late
        return verdict

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send any other request, for setup.

        Raises:
            httpx.HTTPError: the server cannot be reached.

        """
        return await self._http.request(method, path, **options)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()
