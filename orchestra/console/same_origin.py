"""Refuses what a page of another site has the browser send: such a request carries the operator's cookie, too.

``SameSite=Strict`` keeps the cookie from most of them; sites on the same domain, or on another port of the same host,
are kept out here. Browsers say where a request comes from in ``Origin`` (RFC 6454) and ``Sec-Fetch-Site`` (W3C Fetch
Metadata). Programs say neither, and have no cookie.
"""

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from orchestra.console.answers import as_json
from orchestra.refusal_log import Refusals
from orchestra.web_server.bearer_auth import peer_of

_READING = ("GET", "HEAD", "OPTIONS")
_OWN_SITES = ("same-origin", "none")


class SameOrigin:
    """Middleware. ``public_url``: where browsers reach the console, if that is not what they ask for by ``Host``."""

    def __init__(self, app: ASGIApp, public_url: str = "") -> None:
        self._app = app
        self._public = urlsplit(public_url).netloc.lower()
        self._refusals = Refusals()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        acts = scope["type"] == "websocket" or (scope["type"] == "http" and scope["method"] not in _READING)
        if acts and (reason := self._foreign(HTTPConnection(scope))):
            path, peer = scope["path"][:100], peer_of(HTTPConnection(scope))
            self._refusals.note("console.foreign_origin", path=path, peer=peer, reason=reason)
            await as_json({"error": reason}, 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _foreign(self, connection: HTTPConnection) -> str:
        """Why the request is not one of our own pages or of a program; empty if it is."""
        headers = connection.headers
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site is not None and site not in _OWN_SITES:
            return "the request comes from a page of another site"
        if origin is not None:
            own = {headers.get("host", "").lower(), self._public} - {""}
            if origin.partition("://")[2].lower() not in own:  # a stranger's text: not every one can be split as a URL
                return f"the request comes from {origin[:100]}: is ORCHESTRA_CONSOLE_URL the address in your browser?"
        elif site is None and "cookie" in headers and "authorization" not in headers:
            return "the request does not say which page it comes from"
        return ""
