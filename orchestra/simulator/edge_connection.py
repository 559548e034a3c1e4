"""What all simulated carriers do on their connections to an edge."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from orchestra.simulator.phone_line import PhoneLine

#: how long carriers wait for the answer to a webhook: Twilio's own figure
WEBHOOK_WITHIN_S = 15.0


async def follow(socket: ClientConnection, line: PhoneLine, take: Callable[[str | bytes], Awaitable[None]]) -> str:
    """Hand each of the edge's messages to ``take``, until either side closes the socket.

    Returns:
        The close code and the reason.

    """
    try:
        with contextlib.suppress(ConnectionClosed):  # the edge is gone: the close code shows it
            async for message in socket:
                await take(message)
    finally:
        line.lose_stream()
        await socket.close()
    return f"{socket.close_code} {socket.close_reason or ''}".strip()


async def tell(socket: ClientConnection, line: PhoneLine, message: str | bytes) -> None:
    """Send the edge a message. Only `follow` reports the end of a stream: what is sent until then is lost."""
    try:
        await socket.send(message)
    except ConnectionClosed:
        line.stream = None


@contextlib.asynccontextmanager
async def webhook_client() -> AsyncIterator[httpx.AsyncClient]:
    """A client that makes a new connection for each webhook: any edge at the address may answer."""
    limits = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(timeout=WEBHOOK_WITHIN_S, trust_env=False, limits=limits) as http:
        yield http
