"""Requests to a carrier's REST API, and the settings that it needs."""

from typing import Any

import httpx

from orchestra.errors import CallUncertainError, CarrierError, SettingError

_ANSWER_WITHIN_S = 15.0


async def ask(url: str, method: str, path: str, **request: Any) -> httpx.Response:
    """Ask a carrier's API for something.

    Args:
        url: the API's base address.
        method: GET, POST, PUT.
        path: below the address.
        request: what ``httpx`` takes: ``json``, ``headers``, ``auth``.

    Raises:
        CallUncertainError: the carrier does not answer, and may have done it nevertheless.
        CarrierError: the carrier refuses, or cannot be reached.

    """
    base = url.rstrip("/")
    try:
        async with httpx.AsyncClient(timeout=_ANSWER_WITHIN_S) as http:
            answer = await http.request(method, base + path, **request)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        msg = f"the carrier at {base} does not answer: {error!r}"
        raise (CallUncertainError if was_sent(error) else CarrierError)(msg) from error
    if not answer.is_success:
        msg = f"the carrier at {base} refuses {method} {path[:60]}: {answer.status_code} {answer.text[:200]}"
        raise CallUncertainError(msg) if answer.is_server_error else CarrierError(msg)
    return answer


def was_sent(error: Exception) -> bool:
    """Whether a request that failed may have reached the other side."""
    return not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.InvalidURL)


def need(**settings: str) -> None:
    """See that these settings are set; each is given by its name without ``ORCHESTRA_``.

    Raises:
        SettingError: one is not.

    """
    for name, value in settings.items():
        if not value:
            msg = f"ORCHESTRA_{name} is not set: without it no call can be made"
            raise SettingError(msg)
