"""Asks an app what it knows of a call that begins: its function, or a server; checked, and in time."""

import asyncio
import inspect
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import structlog

from orchestra.agents.app import App
from orchestra.agents.new_call import NewCall
from orchestra.bus import Context
from orchestra.call_variables import check_variables
from orchestra.call_variables.values import LARGEST
from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import RejectedError
from orchestra.execution.loop_watchdog import WatchedCoroutine
from orchestra.webhooks.message import payload
from orchestra.webhooks.signing import signed_headers
from orchestra_schemas import CallStarted, CallVariablesRequested, CallVariablesSet

_LOG = structlog.get_logger("orchestra.execution")

#: field of a call's state
VARIABLES = "variables"
#: what a server is told
_TOLD = ("call", "from_number", "to_number", "direction", "line", "language", "variables")
_OK = 200
#: longest time that a coroutine may block the event loop, in seconds
_LONGEST_STEP_S = 0.5


async def variables_of(context: Context) -> dict[str, Any]:
    """The variables of the call whose event is handled."""
    return stored_variables({VARIABLES: await context.state.get(VARIABLES)})


def stored_variables(state: Mapping[str, bytes | None]) -> dict[str, Any]:
    """The variables among the fields of a call's state."""
    stored = state.get(VARIABLES)
    return {} if stored is None else msgspec.json.decode(stored, type=dict[str, Any])


async def remember_variables(event: CallStarted | CallVariablesSet, context: Context) -> None:
    """Keep them for the call's tools and rules."""
    if event.variables:
        known = {} if isinstance(event, CallStarted) else await variables_of(context)
        context.state.set(VARIABLES, msgspec.json.encode({**known, **event.variables}))


async def ask_app(
    app: App, event: CallVariablesRequested, resources: Any, http: httpx.AsyncClient, secrets: Sequence[str] = ()
) -> CallVariablesSet:
    """What the app knows of the call. What goes wrong is in the event's ``error``, without the text of an exception.

    Args:
        app: the app.
        event: the call that begins.
        resources: the value that the app's ``lifespan`` yielded.
        http: the HTTP client for its function, or for the question to a server.
        secrets: sign that question; none: it is not signed.

    """
    asked = app.variables_from
    began, left_s = time.monotonic(), event.deadline - SYSTEM_CLOCK.time()
    variables: dict[str, Any] = {}
    error = ""
    if left_s <= 0:
        error = "asked too late"
    elif asked is not None:
        if isinstance(asked, str):
            work = _ask_server(asked, event, http, secrets)
        else:
            work = _call(asked, event, resources, http)
        try:
            async with asyncio.timeout(left_s):
                variables = check_variables(await work)
        except TimeoutError:
            error = f"no answer within {left_s:.1f} s"
        except RejectedError as refused:
            error = f"not used: {refused}"
        except (Exception, SystemExit) as failure:  # noqa: BLE001 - whatever it raises, the call goes on
            error = f"failed: {type(failure).__name__}"
            _LOG.error("variables.failed", call=event.call, app=app.name, exc_info=failure)
    if error:
        _LOG.warning("variables.missing", call=event.call, app=app.name, problem=error)
    return CallVariablesSet(
        call=event.call,
        request=event.id,
        variables=variables,
        origin="url" if isinstance(asked, str) else "function",
        duration_ms=round((time.monotonic() - began) * 1000, 1),
        error=error,
    )


async def _call(
    function: Callable[[NewCall], Any], event: CallVariablesRequested, resources: Any, http: httpx.AsyncClient
) -> Any:
    call = NewCall(
        call=event.call,
        from_number=event.from_number,
        to_number=event.to_number,
        direction=event.direction,
        line=event.line,
        language=event.language,
        variables=dict(event.variables),
        resources=resources,
        http=http,
    )
    if not inspect.iscoroutinefunction(function):
        answer = await asyncio.to_thread(function, call)
        return await answer if inspect.isawaitable(answer) else answer

    def blocked(seconds: float) -> None:
        _LOG.warning(
            "variables.blocked_the_loop",
            call=event.call,
            seconds=round(seconds, 1),
            problem=f"{function.__name__} blocked every call of this worker for {seconds:.1f} s: make it a plain def, "
            "which runs in a thread, or await what it waits for",
        )

    return await WatchedCoroutine(function(call), blocked, longest_s=_LONGEST_STEP_S)


async def _ask_server(url: str, event: CallVariablesRequested, http: httpx.AsyncClient, secrets: Sequence[str]) -> Any:
    """What the server at this URL of the app's author knows of the call.

    Raises:
        RejectedError: it answers with something else than JSON of bounded size. A redirect is not followed: it would
            take the caller's number elsewhere.
        httpx.HTTPError: it does not answer.

    """
    known = {name: getattr(event, name) for name in _TOLD}
    body = payload("call.variables.requested", datetime.fromtimestamp(event.at, UTC), msgspec.json.encode(known))
    headers = signed_headers(secrets, event.id, body, SYSTEM_CLOCK.time())
    async with http.stream("POST", url, content=body, headers=headers) as response:
        if response.status_code != _OK:
            msg = f"the server answers {response.status_code}"
            raise RejectedError(msg)
        answer = b""
        async for piece in response.aiter_bytes():
            answer += piece
            if len(answer) > LARGEST:
                msg = f"it has more than {LARGEST} bytes"
                raise RejectedError(msg)
    try:
        return msgspec.json.decode(answer)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        msg = "the server's answer is not JSON"
        raise RejectedError(msg) from error
