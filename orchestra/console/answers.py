"""JSON in and out: answers, bodies of requests, and what is said when something cannot be done."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
import structlog
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException as AnyHTTPException

from orchestra.bus.redis.refusal import describe_error
from orchestra.errors import OrchestraError, RedisAwayError
from orchestra.web_server.request_body import read_body

_LOG = structlog.get_logger("orchestra.console")
_T = TypeVar("_T")
_LONGEST_BODY = 65_536


def as_json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer that nobody keeps a copy of."""
    body = msgspec.json.encode(value)
    return Response(body, status, {"Cache-Control": "no-store", **(headers or {})}, "application/json")


async def read_json(request: Request, type_: type[_T], longest: int = _LONGEST_BODY) -> _T:
    """The body of a request, which has to be a value of this type in at most ``longest`` bytes.

    Raises:
        HTTPException: 400, it is something else; 413, it is longer.

    """
    body = await read_body(request, longest)
    if len(body) > longest:
        raise HTTPException(413, f"the request is longer than {longest} bytes")
    try:
        return msgspec.json.decode(body, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise HTTPException(400, f"the request cannot be read: {error}") from None


def add_error_answers(app: FastAPI) -> None:
    """Every failure is answered with ``{"error": …}``: a sentence for the person who sees it."""
    app.add_exception_handler(AnyHTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(RedisError, _redis_away)
    app.add_exception_handler(RedisAwayError, _redis_away)
    app.add_exception_handler(OrchestraError, _not_done)
    app.add_exception_handler(Exception, _failed)


async def _refused(_: Any, error: Exception) -> Response:
    assert isinstance(error, AnyHTTPException)
    return as_json({"error": error.detail}, error.status_code, error.headers)


async def _invalid(_: Any, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"][1:])
    return as_json({"error": f"{name}: {first['msg']}"}, 400)


async def _redis_away(_: Any, error: Exception) -> Response:
    why = str(error) if isinstance(error, RedisAwayError) else describe_error(error)
    return as_json({"error": f"the Redis server cannot be reached: {why}", "redis": False}, 503, {"Retry-After": "2"})


async def _not_done(_: Any, error: Exception) -> Response:
    return as_json({"error": str(error)}, 400)


async def _failed(request: Any, error: Exception) -> Response:
    _LOG.error("console.failed", path=request.url.path[:100], error=repr(error))
    return as_json({"error": "the console failed: its log says why"}, 500)
