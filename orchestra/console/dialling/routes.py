"""The API of dialling: whether calls can be placed from here, and placing one."""

from http import HTTPStatus
from typing import Annotated, Any

import msgspec
import structlog
from fastapi import APIRouter, HTTPException, Request, Response

from orchestra.app_phrases import load_edge_lines
from orchestra.console.answers import as_json, read_json
from orchestra.console.console import Console
from orchestra.console.roles import Operator, Role, requires
from orchestra.errors import AppError
from orchestra.lines import ANY
from orchestra.settings import Settings

_LOG = structlog.get_logger("orchestra.console")

#: the edge waits for its carrier, which may take long to answer
_ANSWERED_WITHIN_S = 30.0
_NO_TOKEN = "set ORCHESTRA_DIAL_TOKEN, and in ORCHESTRA_DIAL_PREFIXES whom it may call"  # noqa: S105 - no token itself

_Short = Annotated[str, msgspec.Meta(max_length=1024)]


class Dial(msgspec.Struct, forbid_unknown_fields=True):
    """Call somebody: the edge checks what is asked, as for ``POST /calls``.

    ``request`` is made by the page for each call, so that it can ask again when it got no answer.
    """

    request: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z-]{8,64}$")]
    to: _Short
    line: _Short = ""
    zone: _Short = ""
    variables: Annotated[dict[_Short, _Short], msgspec.Meta(max_length=32)] = {}


class _Answer(msgspec.Struct):
    call: str = ""
    error: str = ""


def router(console: Console) -> APIRouter:
    """The section's API."""
    api, settings = APIRouter(), console.settings

    @api.get("/api/dialling", dependencies=[requires(Role.ADMIN)])
    async def dialling() -> Response:
        """Why no call can be placed (``problem``, empty if one can), and our ``lines`` to place it from."""
        token = settings.dial_token.get_secret_value()
        return as_json({"problem": "" if token else _NO_TOKEN, "lines": await _lines(settings) if token else []})

    @api.post("/api/dialling")
    async def dial(request: Request, operator: Annotated[Operator, requires(Role.ADMIN)]) -> Response:
        """Place a call. 201 with its id; what the edge refuses is answered with its status and words."""
        asked = await read_json(request, Dial)
        if not settings.dial_token.get_secret_value():
            raise HTTPException(409, _NO_TOKEN)
        status, answer = await _ask_edge(settings, asked)
        console.audit.log(operator, "placed a call" if answer.call else "was refused a call", answer.call)
        if status != HTTPStatus.CREATED:
            raise HTTPException(status, answer.error or f"the edge answered with {status}")
        return as_json({"call": answer.call}, 201)

    return api


async def _ask_edge(settings: Settings, asked: Dial) -> tuple[int, _Answer]:
    import httpx  # noqa: PLC0415 - a console that places no call does not need it

    body: dict[str, Any] = msgspec.to_builtins(asked)
    body["idempotency_key"] = body.pop("request")
    url = settings.public_url or f"http://{settings.host}:{settings.port}"
    headers = {"Authorization": f"Bearer {settings.dial_token.get_secret_value()}"}
    try:
        async with httpx.AsyncClient(timeout=_ANSWERED_WITHIN_S, trust_env=False) as http:
            response = await http.post(f"{url}/calls", json=body, headers=headers)
    except httpx.HTTPError as error:
        _LOG.warning("console.edge_away", url=url, error=repr(error))
        raise HTTPException(503, f"no edge answers at {url}: is one running?") from None
    try:
        answer = msgspec.json.decode(response.content, type=_Answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise HTTPException(502, f"what answers at {url} is no edge (status {response.status_code})") from None
    # a token that the edge refuses is the settings' fault, not that of who is signed in here
    return (502 if response.status_code == HTTPStatus.UNAUTHORIZED else response.status_code), answer


async def _lines(settings: Settings) -> list[str]:
    try:
        plan = (await load_edge_lines(settings.app)).plan
    except AppError as error:
        _LOG.warning("console.app_unreadable", app=settings.app, error=str(error))
        return []
    return sorted(name for name in plan.rules if name != ANY) if plan is not None else []
