"""The body of an HTTP request, read only as far as it may go."""

from fastapi import Request
from starlette.requests import ClientDisconnect

from orchestra.errors import RejectedError


async def read_body(request: Request, longest: int) -> bytes:
    """The body, read little further than ``longest`` bytes: enough for it to be refused.

    Raises:
        RejectedError: the connection ended within it.

    """
    body = b""
    try:
        async for part in request.stream():
            body += part
            if len(body) > longest:
                break
    except ClientDisconnect:
        msg = "the connection ended within the body"
        raise RejectedError(msg) from None
    return body
