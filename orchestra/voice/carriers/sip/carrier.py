"""The SIP line as an edge has it: what the gateway asks over HTTP, its media WebSocket, and calls for it to place."""

import secrets
from collections.abc import Awaitable, Callable

import httpx
import msgspec
import structlog
from fastapi import APIRouter, Request, Response

from orchestra.errors import CallUncertainError, CarrierError, RejectedError
from orchestra.history.ending import HangUp, Transfer
from orchestra.settings import Settings
from orchestra.storage.secrets import sip_token
from orchestra.voice.carriers.briefing import accept_question, briefing
from orchestra.voice.carriers.carrier_api import was_sent
from orchestra.voice.carriers.port import Answered, AskAgain, Busy, CallControl, CallReport, Connect, Step
from orchestra.voice.carriers.sip import messages
from orchestra.voice.carriers.sip.addresses import check_target
from orchestra.voice.carriers.sip.stream import SipSockets
from orchestra.voice.carriers.stream_token import StreamTokens
from orchestra.web_server.request_body import read_body

_LOG = structlog.get_logger("orchestra.voice")

_LONGEST_REQUEST = 65_536
_ASK_AGAIN_MS = 1_000
_ANSWER_WITHIN_S = 15.0


class SipCarrier:
    """Calls of the SIP gateway. Requests and tokens are proven by the secret that gateway and edges share."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._secret = sip_token(settings)
        self._tokens = StreamTokens(self._secret.encode())

    def check_settings(self) -> None:
        """Nothing has to be set."""

    def routes(self, control: CallControl) -> APIRouter:
        """The gateway's requests and its media WebSocket."""
        calls = _Calls(self._secret, self._tokens, control)
        router = APIRouter()
        for path, answer in (
            (messages.CALLS_PATH, calls.offer),
            (f"{messages.CALLS_PATH}/{{call}}/next", calls.next),
            (f"{messages.CALLS_PATH}/{{call}}/transferred", calls.transferred),
            (f"{messages.CALLS_PATH}/{{call}}/ended", calls.ended),
        ):
            router.add_api_route(path, calls.checked(answer), methods=["POST"])
        router.add_api_route(
            f"{messages.CALLS_PATH}/{{call}}/briefing", calls.checked(calls.briefing), methods=["POST"]
        )
        router.add_api_websocket_route(messages.STREAM_PATH, SipSockets(self._tokens, control).serve)
        return router

    async def place_call(self, call: str, to_number: str, from_number: str = "") -> str:
        """Have the gateway call a number, by its trunk, or a SIP address.

        Returns:
            The gateway's id of the call.

        Raises:
            RejectedError: that is neither.
            CarrierError: the gateway refuses, or does not answer.

        """
        check_target(to_number)
        if from_number:
            msg = "the SIP gateway calls from its own account: leave the line out"
            raise RejectedError(msg)
        url = self._settings.sip_url.rstrip("/")
        try:
            async with httpx.AsyncClient(timeout=_ANSWER_WITHIN_S, trust_env=False) as http:
                answer = await http.post(
                    f"{url}/calls",
                    content=msgspec.json.encode({"call": call, "to": to_number}),
                    headers={"Authorization": f"Bearer {self._secret}"},
                )
            placed = msgspec.json.decode(answer.content, type=dict[str, str])
        except (httpx.HTTPError, msgspec.DecodeError) as error:
            msg = (
                f"the SIP gateway at {url} does not answer: {error!r}: start `orchestra sip`, or set ORCHESTRA_SIP_URL"
            )
            raise (CallUncertainError if was_sent(error) else CarrierError)(msg) from error
        if answer.is_error:
            msg = f"the SIP gateway at {url} does not call: {placed.get('error', answer.status_code)}"
            raise CarrierError(msg)
        _LOG.info("call.placed", call=call, provider_call=placed.get("provider_call", ""))
        return placed.get("provider_call", "")


def open_carrier(settings: Settings, public_url: str) -> SipCarrier:
    """The SIP line as these settings have it."""
    del public_url  # the gateway knows its edges
    return SipCarrier(settings)


_Answer = Callable[[str, bytes], Awaitable[Step | bytes | None]]


class _Calls:
    """What a gateway asks over HTTP: a call, and what happens next in it."""

    def __init__(self, secret: str, tokens: StreamTokens, control: CallControl) -> None:
        self._expected = f"Bearer {secret}".encode()
        self._tokens = tokens
        self._control = control

    def checked(self, answer: _Answer) -> Callable[[Request], Awaitable[Response]]:
        """The endpoint that answers a gateway: 401 for anybody else, 422 for what cannot be read."""

        async def endpoint(request: Request) -> Response:
            given = request.headers.get("authorization", "").encode()
            if not secrets.compare_digest(given, self._expected):
                peer = request.client.host if request.client is not None else ""
                self._control.refusals.note("sip.refused", peer=peer, reason="not the gateway's token")
                return _json({"error": "the token of the SIP gateway is needed"}, 401)
            call = request.path_params.get("call", "")
            try:
                if call and not self._control.is_call(call):
                    msg = "that cannot be an id of one of this platform's calls"
                    raise RejectedError(msg)  # noqa: TRY301 - answered like a request that cannot be read
                body = await read_body(request, _LONGEST_REQUEST)
                step = await answer(call, body)
            except (RejectedError, msgspec.DecodeError, ValueError) as error:
                self._control.refusals.note("sip.refused", call=call[:64], reason=str(error))
                return _json({"error": str(error)}, 422)
            if isinstance(step, bytes):
                return Response(step, media_type="audio/l16;rate=8000")
            return _json(self._step(step))

        return endpoint

    async def offer(self, _: str, body: bytes) -> Step:
        """A call comes in, or one that was placed is answered."""
        asked = msgspec.json.decode(body, type=messages.OfferRequest)
        report = CallReport(
            asked.parties.parties(asked.call),
            request=messages.CALLS_PATH,
            signature=asked.parties.provider_call,
            answered=Answered(asked.answered_by) if asked.answered_by else None,
        )
        return await self._control.offer(report)

    async def next(self, call: str, body: bytes) -> Step:
        """A stream has ended."""
        asked = msgspec.json.decode(body, type=messages.NextRequest)
        return await self._control.after_stream(
            CallReport(
                asked.parties.parties(call, asked.stream),
                request="/sip/next",
                end_reason=asked.end_reason,
                tries=asked.tries,
            )
        )

    async def transferred(self, call: str, body: bytes) -> Step:
        """A transfer is over."""
        asked = msgspec.json.decode(body, type=messages.TransferRequest)
        if asked.accepted:
            await self._control.accept_transfer(call)
        return await self._control.after_transfer(
            CallReport(
                asked.parties.parties(call, asked.stream),
                request="/sip/transferred",
                end_reason=asked.end_reason,
                transfer_status=asked.status,
                tries=asked.tries,
            )
        )

    async def briefing(self, call: str, body: bytes) -> bytes:
        """The person of a transfer has answered: what they hear."""
        msgspec.json.decode(body, type=messages.BriefingRequest)
        transfer = await self._control.requested_transfer(call)
        if transfer is None:
            msg = "the call waits for nobody"
            raise RejectedError(msg)
        said = f"{briefing(transfer, self._control.app)} {accept_question(transfer.language)}"
        return await self._control.speak(said, transfer.language)

    async def ended(self, call: str, body: bytes) -> None:
        """A call that was placed was not answered."""
        asked = msgspec.json.decode(body, type=messages.EndedRequest)
        await self._control.ended(
            CallReport(asked.parties.parties(call), request="/sip/ended", end_reason=asked.end_reason)
        )

    def _step(self, step: Step | None) -> messages.GatewayStep:
        match step:
            case Connect(parties=parties, offered_at=offered_at):
                return messages.ConnectStep(
                    call=parties.call,
                    token=self._tokens.issue(parties.call, parties.provider_call, offered_at, parties.stream),
                    stream=parties.stream,
                    resumed=step.resumed,
                    answered_by=step.answered_by,
                )
            case Busy():
                return messages.BusyStep()
            case AskAgain(tries=tries):
                return messages.AskAgainStep(tries=tries, after_ms=_ASK_AGAIN_MS)
            case Transfer():
                return messages.TransferStep(target=step.target, briefing=step.briefing, hold_music=step.hold_music)
            case HangUp() | None:
                return messages.HangUpStep()


def _json(content: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, {"Cache-Control": "no-store"}, "application/json")
