"""Telnyx's Call Control commands over REST.

Each command has a ``command_id`` that follows from what it is for: Telnyx ignores a command whose id it has had for
this call, so a command may be sent again, by this edge or another one.

Sources: https://developers.telnyx.com/api-reference/call-commands/answer (and ``reject``, ``hangup``, ``speak``,
``gather-using-speak``, ``bridge``, ``streaming-start``, ``play-audio-url``, ``send-dtmf``,
``start-conversation-relay`` and ``dial`` beside it),
https://developers.telnyx.com/api/errors/90018 (the call is over)
"""

from types import TracebackType
from typing import Any, Self
from urllib.parse import quote
from uuid import UUID, uuid5

import httpx
import msgspec

from orchestra.errors import CallUncertainError, CarrierError
from orchestra.settings import Settings
from orchestra.voice.carriers.carrier_api import ask, was_sent

_WITHIN = httpx.Timeout(10.0, connect=5.0)
_DIAL = "dial"
#: ids of commands are UUIDs, as in Telnyx's examples
_COMMANDS = UUID("5a3d3c6e-0f0e-4a57-9a55-0b8e5a2f6c1d")
_TOO_MANY, _NOT_FOUND, _UNPROCESSABLE, _SERVER_ERROR = 429, 404, 422, 500
_CALL_IS_OVER = "90018"


class _Problem(msgspec.Struct):
    code: str | int = ""
    title: str = ""
    detail: str | None = None


class _Problems(msgspec.Struct):
    errors: list[_Problem] = []


class _Dialled(msgspec.Struct):
    call_control_id: str


class _DialledAnswer(msgspec.Struct):
    data: _Dialled


class Application(msgspec.Struct, frozen=True):
    """A Call Control application: its name, whether it takes calls, and where its webhooks go."""

    application_name: str = ""
    active: bool = True
    webhook_event_url: str = ""


class _ApplicationAnswer(msgspec.Struct):
    data: Application


async def application_of(settings: Settings) -> Application:
    """Ask Telnyx for our application.

    Source: https://developers.telnyx.com/api-reference/call-control-applications/retrieve-a-call-control-application

    Raises:
        CarrierError: Telnyx refuses the key, does not know the application, or does not answer.

    """
    path = f"/v2/call_control_applications/{quote(settings.telnyx_connection_id, safe='')}"
    headers = {"Authorization": f"Bearer {settings.telnyx_api_key.get_secret_value()}"}
    answer = await ask(settings.telnyx_api_url, "GET", path, headers=headers)
    try:
        return msgspec.json.decode(answer.content, type=_ApplicationAnswer).data
    except msgspec.DecodeError as error:
        msg = f"the carrier at {settings.telnyx_api_url} does not say what its application is: {error}"
        raise CarrierError(msg) from None


class Commands:
    """Sends commands; as an async context manager it keeps its connections open for the next ones."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.telnyx_api_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {settings.telnyx_api_key.get_secret_value()}"}
        self._http: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        self._http = httpx.AsyncClient(timeout=_WITHIN)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()

    async def send(self, leg: str, action: str, command_id: str, **fields: Any) -> bool:
        """Send a command for this leg (its call control id). False: the leg is over.

        Raises:
            CarrierError: Telnyx refuses it, or does not answer.

        """
        path = f"/v2/calls/{quote(leg, safe='')}/actions/{action}"
        answer = await self._post(path, command_id, fields)
        if answer.is_success:
            return True
        problems = _problems(answer)
        gone = any(str(problem.code) == _CALL_IS_OVER for problem in problems)
        if answer.status_code == _NOT_FOUND or (answer.status_code == _UNPROCESSABLE and gone):
            return False
        raise _refused(action, answer, problems)

    async def dial(self, command_id: str, **fields: Any) -> str:
        """Have a number rung.

        Returns:
            Telnyx's id of the leg.

        Raises:
            CarrierError: Telnyx refuses it, or does not answer.

        """
        answer = await self._post("/v2/calls", command_id, fields)
        if not answer.is_success:
            raise _refused(_DIAL, answer, _problems(answer))
        try:
            return msgspec.json.decode(answer.content, type=_DialledAnswer).data.call_control_id
        except msgspec.DecodeError as error:
            msg = f"the carrier at {self._url} took the call, but its answer cannot be read: {error}"
            raise CallUncertainError(msg) from None

    async def _post(self, path: str, command_id: str, fields: dict[str, Any]) -> httpx.Response:
        """Send it, and once more where that may help."""
        body = {"command_id": str(uuid5(_COMMANDS, command_id)), **fields}
        if self._http is not None:
            return await self._tries(self._http, path, body)
        async with httpx.AsyncClient(timeout=_WITHIN) as http:
            return await self._tries(http, path, body)

    async def _tries(self, http: httpx.AsyncClient, path: str, body: dict[str, Any]) -> httpx.Response:
        sent = False
        for last in (False, True):
            try:
                answer = await http.post(self._url + path, json=body, headers=self._headers)
            except httpx.HTTPError as error:
                sent = sent or was_sent(error)
                if last:
                    msg = f"the carrier at {self._url} does not answer: {error!r}"
                    raise (CallUncertainError if sent else CarrierError)(msg) from error
                continue
            if last or (answer.status_code != _TOO_MANY and answer.status_code < _SERVER_ERROR):
                return answer
        raise AssertionError  # the last try returns or raises


def _problems(answer: httpx.Response) -> list[_Problem]:
    try:
        return msgspec.json.decode(answer.content, type=_Problems).errors
    except msgspec.DecodeError:
        return []


def _refused(action: str, answer: httpx.Response, problems: list[_Problem]) -> CarrierError:
    why = "; ".join(f"{problem.code} {problem.detail or problem.title}" for problem in problems)
    failed = CallUncertainError if answer.is_server_error else CarrierError
    return failed(f"the carrier refuses `{action}`: status {answer.status_code} {why[:200]}".rstrip())
