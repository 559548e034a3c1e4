"""Transactions: a request and its responses, repeated over UDP until they arrive (RFC 3261 §17)."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from orchestra.simulator.sip.messages import Request, Response

T1_S, T2_S = 0.5, 4.0
#: timers B, F and H
GIVE_UP_S = 64 * T1_S
_FIRST_FINAL, _FIRST_FAILURE = 200, 300

Send = Callable[[bytes], Awaitable[None]]


class ClientTransaction:
    """One request of ours.

    Args:
        request: with the branch that identifies it.
        send: sends it, or its ACK, to where it goes.
        reliable: the transport repeats by itself.
        on_provisional: is given each provisional response.

    """

    def __init__(
        self, request: Request, send: Send, *, reliable: bool, on_provisional: Callable[[Response], None] | None = None
    ) -> None:
        self.request, self._invites = request, request.method == "INVITE"
        self._send, self._reliable, self._on_provisional = send, reliable, on_provisional
        self._final: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._heard = asyncio.Event()  # it need not be sent again

    async def run(self) -> Response:
        """Send the request until its final response is here.

        Raises:
            TimeoutError: there is none.
            OSError: nobody takes the connection.

        """
        data, pause_s = self.request.encode(), T1_S
        async with asyncio.timeout(GIVE_UP_S):
            while not self._heard.is_set():
                await self._send(data)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(None if self._reliable else pause_s):
                        await self._heard.wait()
                pause_s = 2 * pause_s if self._invites else min(2 * pause_s, T2_S)
        return await self._final  # an INVITE may ring as long as it likes

    def take(self, response: Response) -> None:
        """A response to this request."""
        if response.status < _FIRST_FINAL:
            if self._invites:
                self._heard.set()
            if self._on_provisional is not None:
                self._on_provisional(response)
        elif not self._final.done():
            self._final.set_result(response)
            self._heard.set()

    def acknowledge(self, response: Response) -> Request | None:
        """The ACK of a refused INVITE, which belongs to its transaction (RFC 3261 §17.1.1.3)."""
        if not self._invites or response.status < _FIRST_FAILURE:
            return None
        kept = {"via", "from", "call-id", "max-forwards", "route"}
        headers = [(name, value) for name, value in self.request.headers if name in kept]
        headers += [("to", response.get("to")), ("cseq", f"{self.request.cseq} ACK")]
        return Request(method="ACK", uri=self.request.uri, headers=headers)
