"""Vonage's webhooks: each is checked, read as a `CallReport`, and answered with the NCCO of what happens next.

Source: https://developer.vonage.com/en/voice/voice-api/webhook-reference
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from fastapi import APIRouter, Request, Response

from orchestra.errors import CarrierError, RejectedError, SettingError
from orchestra.history.ending import HangUp, Transfer
from orchestra.settings import Settings
from orchestra.voice.carriers.briefing import ACCEPT_KEY
from orchestra.voice.carriers.port import Answered, AskAgain, Busy, CallControl, CallReport, Connect, Parties, Step
from orchestra.voice.carriers.stream_token import StreamTokens
from orchestra.voice.carriers.vonage import ncco
from orchestra.voice.carriers.vonage.addresses import Addresses, CallState
from orchestra.voice.carriers.vonage.rest import VonageRest
from orchestra.voice.carriers.vonage.signed_webhooks import LONGEST_BODY, WebhookSignatures
from orchestra.voice.carriers.webhook import NO_CALL_OF_OURS, checked
from orchestra.web_server.request_body import read_body
from orchestra_schemas.calls import EndReason

_LOG = structlog.get_logger("orchestra.voice")

#: the final states of a leg, and what they mean for the call
_FINAL: dict[str, EndReason] = {
    "completed": "caller_hung_up",
    "cancelled": "caller_hung_up",
    "busy": "busy",
    "timeout": "no_answer",
    "unanswered": "no_answer",
    "rejected": "failed",
    "failed": "failed",
}
#: states of a stream's leg after which Vonage waits to be told what follows; the caller's own end is not one
_STREAM_GONE = {"disconnected", "failed", "unanswered", "rejected", "busy", "timeout"}
#: Vonage's ids have 36 characters, and go into a stream's headers, which are short
_LONGEST_LEG = 64
#: webhooks whose answers are remembered: those of some minutes at many calls a second
_MOST_REMEMBERED = 5_000
#: what machine detection says of a call is remembered for so long, in seconds
_DETECTED_FOR_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class Webhook:
    """A request of Vonage's, its signature checked.

    Attributes:
        path: where it came.
        fields: what Vonage says.
        state: what we wrote into the address; None for the application's own addresses.
        token_id: the same for a webhook that comes a second time.

    """

    path: str
    fields: dict[str, Any]
    state: CallState | None
    token_id: str

    def text(self, name: str) -> str:
        """A field that is text; empty if it is not there, or something else."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""

    @property
    def status(self) -> str:
        """The state of a leg; empty in the request of a `notify` action."""
        return self.text("status")

    @property
    def leg(self) -> str:
        """The leg that this is about."""
        return self.text("uuid") or self.text("call_uuid")

    def known(self) -> CallState:
        """The state that our own address has.

        Raises:
            RejectedError: the address has none.

        """
        if self.state is None:
            msg = "an address that is not ours"
            raise RejectedError(msg)
        return self.state


class Webhooks:
    """The webhooks of one Vonage application."""

    def __init__(
        self,
        settings: Settings,
        control: CallControl,
        *,
        signatures: WebhookSignatures,
        addresses: Addresses,
        tokens: StreamTokens,
        rest: VonageRest,
    ) -> None:
        self._settings = settings
        self._signatures = signatures
        self._addresses = addresses
        self._tokens = tokens
        self._rest = rest
        self._control = control
        self._answers: dict[str, tuple[Webhook, asyncio.Task[Response]]] = {}  # by the token's id

    def add_to(self, router: APIRouter) -> None:
        """Add a route for each."""
        for path, answer in (
            (ncco.ANSWER_PATH, self._answer),
            (ncco.EVENT_PATH, self._event),
            (ncco.AFTER_STREAM_PATH, self._after_stream),
            (ncco.AFTER_TRANSFER_PATH, self._after_transfer),
            (ncco.ACCEPT_PATH, self._accept),
        ):
            router.add_api_route(path, self._checked(answer), methods=["POST"])
        # the documentation does not say how it is requested
        router.add_api_route(ncco.WHISPER_PATH, self._checked(self._whisper), methods=["GET", "POST"])

    def _checked(self, answer: Callable[[Webhook], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """The endpoint that checks a request's signature before it is answered; 403 without a good one."""

        async def answer_once(webhook: Webhook) -> Response:
            return await self._answer_once(webhook, answer)

        return checked(self._control, self._read, answer_once)

    async def _answer_once(self, webhook: Webhook, answer: Callable[[Webhook], Awaitable[Response]]) -> Response:
        """What comes again acts once, and gets the same answer; edges that did not see it act by the call's journal.

        Raises:
            RejectedError: the token came before with another body or at another address.

        """
        before = self._answers.get(webhook.token_id)
        if before is not None and before[0] != webhook:
            msg = "a token that came before, with another request"
            raise RejectedError(msg)
        if before is None:
            task = asyncio.ensure_future(answer(webhook))
            self._answers[webhook.token_id] = webhook, task
            task.add_done_callback(lambda done: self._forget_failed(webhook, done))
            while len(self._answers) > _MOST_REMEMBERED:
                del self._answers[next(iter(self._answers))]
        else:
            self._control.refusals.note("webhook.repeated", path=webhook.path, call=_call(webhook))
            task = before[1]
        return await asyncio.shield(task)

    def _forget_failed(self, webhook: Webhook, done: asyncio.Task[Response]) -> None:
        """Let Vonage try again."""
        if done.cancelled() or done.exception() is not None:
            self._answers.pop(webhook.token_id, None)

    async def _read(self, request: Request) -> Webhook:
        """The request, once its signature and that of its address are checked.

        Raises:
            RejectedError: it is not Vonage's, or not at an address of ours.

        """
        path, query = request.url.path[:100], request.query_params
        body = await read_body(request, LONGEST_BODY)
        has_body = request.method == "POST"
        signed = self._signatures.check(request.headers.get("Authorization", ""), body, has_body=has_body)
        state = None
        if "state" in query or "proof" in query:
            state = self._addresses.read(path, query.get("state", ""), query.get("proof", ""))
            if not self._control.is_call(state.call):
                raise RejectedError(NO_CALL_OF_OURS)
        return Webhook(path, signed.fields, state, signed.token_id)

    # -- a call begins and ends

    async def _answer(self, webhook: Webhook) -> Response:
        """A call comes in, or one that we have placed was answered."""
        if not 0 < len(webhook.leg) <= _LONGEST_LEG:
            msg = "a call without an id"
            raise RejectedError(msg)
        if webhook.state is None:
            parties = Parties("", webhook.leg, _e164(webhook.text("from")), _e164(webhook.text("to")))
            return self._next(CallState.of(parties), await self._offer(webhook, parties, None))
        state = msgspec.structs.replace(webhook.state, leg=webhook.leg)
        settings = self._settings
        if settings.machine_detection and not settings.machine_detection_async and not state.detected:
            # Vonage executes this once detection is over, and has told its result by then
            detected = msgspec.structs.replace(state, detected=True)
            return _ncco([ncco.ask(self._addresses.at(ncco.ANSWER_PATH, detected))])
        answered = await self._detected(state.call) if state.detected else None
        return self._next(state, await self._offer(webhook, state.parties, answered))

    async def _offer(self, webhook: Webhook, parties: Parties, answered: Answered | None) -> Step:
        report = CallReport(parties, request=webhook.path, signature=webhook.token_id, answered=answered)
        return await self._control.offer(report)

    async def _event(self, webhook: Webhook) -> Response:
        """Vonage says how a call goes, and who answered one that we placed."""
        status, state = webhook.status, webhook.state or CallState("")
        if status in {"human", "machine"} and state.call:
            if self._settings.machine_detection_async:
                await self._control.answered(state.call, Answered(_by(status), _detail(webhook)))
            elif status == "machine":
                await self._count("machine", state.call)
        elif status in _FINAL:
            parties = Parties(state.call, webhook.leg, direction=state.direction)
            await self._control.ended(CallReport(parties, request=webhook.path, end_reason=_FINAL[status]))
        return _nothing()

    async def _detected(self, call: str) -> Answered:
        """Who answered, as the event before this has told some edge: all edges share what they count."""
        # to read a count is to count: what is more than the questions was told
        told = await self._count("machine", call) > await self._count("asked", call)
        return Answered("machine", "machine") if told else Answered("human", "human")

    async def _count(self, what: str, call: str) -> int:
        try:
            return await self._control.count(f"vonage {what} {call}", _DETECTED_FOR_S)
        except RejectedError as error:  # while Redis is away a machine is taken for a person
            _LOG.warning("call.detection_unknown", call=call, error=str(error))
            return 0

    # -- a stream or a transfer has ended

    async def _after_stream(self, webhook: Webhook) -> Response:
        """The media stream has ended, or could not be opened."""
        state = webhook.known()
        if webhook.status and webhook.status not in _STREAM_GONE:
            return _nothing()
        report = CallReport(state.parties, webhook.path, webhook.token_id, tries=state.tries)
        return self._next(state, await self._control.after_stream(report))

    async def _after_transfer(self, webhook: Webhook) -> Response:
        """The person of a transfer has answered, or the transfer is over."""
        state = webhook.known()
        if webhook.status == "answered" and not state.must_accept:
            await self._control.accept_transfer(state.call)
        if webhook.status and webhook.status not in _FINAL:
            return _nothing()
        status = state.transfer_status or webhook.status
        state = msgspec.structs.replace(state, transfer_status=status)
        report = CallReport(
            state.parties, webhook.path, webhook.token_id, transfer_status=status or "no answer", tries=state.tries
        )
        return self._next(state, await self._control.after_transfer(report), ncco.AFTER_TRANSFER_PATH)

    # -- the person of a transfer

    async def _whisper(self, webhook: Webhook) -> Response:
        """The person of a transfer has answered: they hear what the call is about, and may be asked to take it."""
        state = webhook.known()
        transfer = await self._control.requested_transfer(state.call)
        if transfer is None:
            return await self._decline(webhook)
        return _ncco(ncco.whisper(transfer, state, self._addresses, app=self._control.app))

    async def _accept(self, webhook: Webhook) -> Response:
        """The person has pressed a key, or none."""
        state, keys = webhook.known(), webhook.fields.get("dtmf")
        pressed = keys.get("digits") if isinstance(keys, dict) else keys
        if pressed == ACCEPT_KEY and await self._control.accept_transfer(state.call):
            return _ncco(ncco.join())
        return await self._decline(webhook)

    async def _decline(self, webhook: Webhook) -> Response:
        """End the person's leg. A document cannot, and at its end Vonage would connect them to the caller."""
        try:
            if webhook.leg:
                await self._rest.hang_up(webhook.leg)
        except (CarrierError, SettingError) as error:
            _LOG.warning("transfer.leg_not_ended", call=_call(webhook), error=str(error))
        return _ncco(ncco.keep_apart())

    def _next(self, state: CallState, step: Step, asked_at: str = ncco.AFTER_STREAM_PATH) -> Response:
        """The document of a step."""
        match step:
            case Connect(parties=parties, offered_at=offered_at):
                token = self._tokens.issue(parties.call, parties.provider_call, offered_at, parties.stream)
                return _ncco(ncco.connect(step, token, self._addresses))
            case Transfer():
                return self._transfer(step, state)
            case Busy(message, language):
                return _ncco(ncco.busy(message, language))
            case AskAgain(message, tries, language):
                again = self._addresses.at(asked_at, msgspec.structs.replace(state, tries=tries))
                return _ncco(ncco.ask_again(again, message, language))
            case HangUp():
                return _ncco(ncco.HANG_UP)

    def _transfer(self, step: Transfer, state: CallState) -> Response:
        """A telephone's owner takes the call with a key if we can end the leg of one who does not."""
        settings = self._settings
        must_accept = self._rest.has_credentials and not step.target.startswith(("sip:", "sips:"))
        state = msgspec.structs.replace(state, tries=0, must_accept=must_accept)
        ours = state.from_number if state.direction == "outbound" else state.to_number
        document = ncco.transfer(
            step, state, self._addresses, caller_id=settings.vonage_number or ours, ring_s=settings.ring_s
        )
        return _ncco(document)


def _e164(number: str) -> str:
    """Vonage writes numbers without the plus; a caller from SIP may have none."""
    return f"+{number}" if number.isascii() and number.isdecimal() else number


def _by(status: str) -> Any:
    return "machine" if status == "machine" else "human"


def _detail(webhook: Webhook) -> str:
    return " ".join(filter(None, (webhook.status, webhook.text("sub_state"))))


def _call(webhook: Webhook) -> str:
    return webhook.state.call if webhook.state is not None else ""


def _ncco(document: ncco.Ncco) -> Response:
    return Response(ncco.encode(document), media_type="application/json")


def _nothing() -> Response:
    """No document: what Vonage is doing goes on."""
    return Response(status_code=204)
