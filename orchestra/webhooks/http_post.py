"""Posts to a URL that somebody else chose: bounded in time and size, to allowed addresses, without redirects."""

import asyncio
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from orchestra.errors import NoAnswerError, PrivateAddressError
from orchestra.printable import printable
from orchestra.webhooks.allowed_address import allowed_addresses

#: for a whole request, seconds; the specification recommends 15 to 30
TIMEOUT_S = 15.0
#: bytes of an answer's body that are read, and of those that are kept to be shown
_MOST_BYTES, _SHOWN = 64_000, 200
#: how long the addresses of a host are known, seconds; how many are tried
_ADDRESSES_S = 30.0
_MOST_TRIED = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint answered; ``words`` are the beginning of the body, ``retry_after_s`` 0 if it names no time."""

    status: int
    words: str
    retry_after_s: float = 0.0


class HttpPost:
    """Posts to one URL over connections of its own, as many as there are requests at a time.

    Args:
        url: ``https:``, or ``http:`` where private networks are allowed.
        private: whether its host may be in a private network.
        timeout_s: seconds for a whole request.

    """

    def __init__(self, url: str, *, private: bool, timeout_s: float = TIMEOUT_S) -> None:
        self._url = httpx.URL(url)
        self._private = private
        self._timeout_s = timeout_s
        self._ssl = httpx.create_ssl_context()  # with the authorities of SSL_CERT_FILE, if that is set
        # a client for each request at a time: the pool of a common one looks at all of its connections for each
        # request, which with 16 of them takes more than twice the CPU (httpcore 1.0.9)
        self._idle: list[httpx.AsyncClient] = []
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="webhook-dns")
        self._addresses: list[httpx.URL] = []
        self._addresses_until = 0.0
        self._looking_up = asyncio.Lock()

    async def close(self) -> None:
        """Close the connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for client in self._idle:
            await client.aclose()

    async def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post once.

        Raises:
            NoAnswerError: the endpoint cannot be reached, or has not answered in time.
            PrivateAddressError: its host is in a private network, which is not allowed.

        """
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._post("POST", body, headers)
        except TimeoutError:
            msg = f"no answer within {self._timeout_s:g} s"
            raise NoAnswerError(msg) from None

    async def reach(self) -> Answer:
        """Ask with HEAD, which delivers nothing: any answer shows that the endpoint can be reached.

        Raises:
            NoAnswerError: as for `post`.
            PrivateAddressError: as for `post`.

        """
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._post("HEAD", b"", {})
        except TimeoutError:
            msg = f"no answer within {self._timeout_s:g} s"
            raise NoAnswerError(msg) from None

    async def _post(self, method: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        try:
            addresses = await self._allowed_addresses()
        except PrivateAddressError:
            raise
        except (OSError, UnicodeError, ValueError) as error:
            msg = f"{self._url.host} cannot be found: {error}"
            raise NoAnswerError(msg) from None
        for number, address in enumerate(addresses, 1):
            try:
                return await self._ask(method, address, body, headers)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                if number == len(addresses):
                    self._addresses_until = 0.0
                    raise self._no_answer(error) from None
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise self._no_answer(error) from None
        raise AssertionError

    async def _allowed_addresses(self) -> list[httpx.URL]:
        async with self._looking_up:
            if time.monotonic() >= self._addresses_until:
                port = self._url.port or (443 if self._url.scheme == "https" else 80)
                found = await allowed_addresses(self._url.host, port, private=self._private, threads=self._threads)
                self._addresses = [self._url.copy_with(host=each) for each in found[:_MOST_TRIED]]
                self._addresses_until = time.monotonic() + _ADDRESSES_S
            return self._addresses

    async def _ask(self, method: str, address: httpx.URL, body: bytes, headers: Mapping[str, str]) -> Answer:
        client = self._idle.pop() if self._idle else self._new_client()
        # the connection goes to the address; the certificate must be that of the name
        request = client.build_request(
            method,
            address,
            content=body,
            headers={"user-agent": "orchestra-webhooks", **headers, "host": self._url.netloc.decode()},
            extensions={"sni_hostname": self._url.host},
        )
        try:
            response = await client.send(request, stream=True)
            try:
                shown, size = b"", 0
                async for chunk in response.aiter_raw():
                    shown, size = shown + chunk[: _SHOWN - len(shown)], size + len(chunk)
                    if size > _MOST_BYTES:
                        break
            finally:
                await response.aclose()
        finally:
            client.cookies.clear()  # what an endpoint sets would grow, and come back to it
            self._idle.append(client)
        words = " ".join(printable(shown.decode("utf-8", "replace")).split())
        if response.is_redirect:
            words = f"redirect to {_host(response.headers.get('location', ''))}, which is not followed"
        return Answer(response.status_code, words, _retry_after_s(response.headers.get("retry-after", "")))

    def _new_client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            verify=self._ssl,
            trust_env=False,  # a proxy would connect to addresses that nobody has checked
            follow_redirects=False,
            timeout=self._timeout_s,
        )

    def _no_answer(self, error: Exception) -> NoAnswerError:
        what = " ".join(printable(str(error)).split()) or type(error).__name__
        return NoAnswerError(f"{self._url.host} does not answer: {what}")


def _host(location: str) -> str:
    """Where a redirect leads, without what may be secret in its path."""
    try:
        parts = urlsplit(location)
        name, port = parts.hostname or "", parts.port
    except ValueError:
        return "a URL that is none"
    if not name:
        return "another path"
    return printable(f"{parts.scheme}://{name}{f':{port}' if port else ''}/…")[:_SHOWN]


def _retry_after_s(text: str) -> float:
    """Seconds of a Retry-After header; 0 for one that is a date or wrong, since our own wait then serves as well."""
    return float(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 0.0  # noqa: PLR2004
