"""Twilio's webhooks: each is checked, read as a `CallReport`, and answered with the TwiML of what happens next."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response

from orchestra.errors import RejectedError
from orchestra.history.ending import HangUp, Transfer
from orchestra.voice.carriers.briefing import ACCEPT_KEY
from orchestra.voice.carriers.port import AskAgain, Busy, CallControl, CallReport, Connect, Parties, Step
from orchestra.voice.carriers.public_url import PublicUrl
from orchestra.voice.carriers.request_body import read_body
from orchestra.voice.carriers.stream_token import StreamTokens
from orchestra.voice.carriers.twilio import twiml
from orchestra.voice.carriers.webhook import LONGEST_FORM, NO_CALL_OF_OURS, address_number, checked, note_refusal
from orchestra_schemas.calls import EndReason

#: a number in an address that we did not write: no more tries are left
_TOO_MANY = 999_999_999


@dataclass(frozen=True, slots=True)
class Webhook:
    """A request of Twilio's, its signature checked.

    Attributes:
        path: where it came.
        form: what Twilio says.
        query: what we wrote into the address when we gave it to Twilio.
        signature: Twilio's, over both.

    """

    path: str
    form: dict[str, str]
    query: Mapping[str, str]
    signature: str

    @property
    def call(self) -> str:
        """The call's id, empty where Twilio has none of ours yet."""
        return self.query.get("call", "")

    @property
    def end_reason(self) -> EndReason | None:
        """Why the call is over, if Twilio says that it is."""
        return twiml.FINAL.get(self.form.get("CallStatus", ""))

    @property
    def dial_status(self) -> str:
        """How a transfer ended. After a redirect it is in the address, because Twilio says it only once."""
        return self.form.get("DialCallStatus", "") or self.query.get("DialCallStatus", "")

    def report(self, *, outbound: bool | None = None) -> CallReport:
        """What it says. ``outbound``: whether we placed the call; Twilio's word for it counts unless given."""
        if outbound is None:
            outbound = self.form.get("Direction", "").startswith("outbound")
        parties = Parties(
            call=self.call,
            provider_call=self.form.get("CallSid", ""),
            from_number=self.form.get("From", ""),
            to_number=self.form.get("To", ""),
            direction="outbound" if outbound else "inbound",
            stream=address_number(self.query.get("stream", "0"), 0),
        )
        return CallReport(
            parties,
            request=self.path,
            signature=self.signature,
            end_reason=self.end_reason,
            answered=twiml.answered_by(self.form),
            transfer_status=self.dial_status,
            tries=address_number(self.query.get("tries", "0"), _TOO_MANY),
        )


class Webhooks:
    """The webhooks of one Twilio account.

    Args:
        auth_token: the account's token, with which Twilio signs.
        public: where Twilio reaches the edges.
        tokens: issues the tokens of media streams.
        control: decides what happens next in a call.
        ring_s: how long a transfer may ring.
        relay: the attributes of Conversation Relay; None: calls come as audio.

    """

    def __init__(
        self,
        auth_token: str,
        public: PublicUrl,
        tokens: StreamTokens,
        control: CallControl,
        *,
        ring_s: int,
        relay: Mapping[str, str] | None = None,
    ) -> None:
        self._auth_token = auth_token
        self._public = public
        self._tokens = tokens
        self._control = control
        self._ring_s = ring_s
        self._relay = relay

    def add_to(self, router: APIRouter) -> None:
        """Add a route for each."""
        for path, answer in (
            (twiml.VOICE_PATH, self._voice),
            (twiml.AFTER_STREAM_PATH, self._after_stream),
            (twiml.AFTER_DIAL_PATH, self._after_dial),
            (twiml.WHISPER_PATH, self._whisper),
            (twiml.ACCEPT_PATH, self._accept),
            (twiml.MACHINE_PATH, self._machine),
            (twiml.STATUS_PATH, self._status),
        ):
            router.add_api_route(path, self._checked(answer), methods=["POST"])

    def _checked(self, answer: Callable[[Webhook], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """The endpoint that checks a request's signature before it is answered; 403 without a good one."""

        async def answer_known(webhook: Webhook) -> Response:
            if webhook.call and not self._control.is_call(webhook.call):
                # 403 would make Twilio read out an error to the caller
                note_refusal(self._control, webhook.path, NO_CALL_OF_OURS)
                return _twiml(twiml.hang_up_twiml())
            return await answer(webhook)

        return checked(self._control, self._read, answer_known)

    async def _read(self, request: Request) -> Webhook:
        """The request, once its signature is checked.

        Raises:
            RejectedError: it is not Twilio's.

        """
        # undecoded, since Twilio signed them as they came
        path, query = (request.scope[part].decode("latin-1") for part in ("raw_path", "query_string"))
        signature = request.headers.get("X-Twilio-Signature", "")
        body = await read_body(request, LONGEST_FORM)
        address = self._public.at(path) + (f"?{query}" if query else "")
        form = twiml.signed_form(body, address, signature, self._auth_token)
        return Webhook(request.url.path[:100], form, _query(query), signature)

    async def _voice(self, webhook: Webhook) -> Response:
        """A call comes in, or one that we have placed was answered."""
        return self._answer(webhook, await self._control.offer(webhook.report(outbound=bool(webhook.call))))

    async def _after_stream(self, webhook: Webhook) -> Response:
        """The media stream has ended."""
        return self._answer(webhook, await self._control.after_stream(webhook.report()))

    async def _after_dial(self, webhook: Webhook) -> Response:
        """A transfer is over."""
        return self._answer(webhook, await self._control.after_transfer(webhook.report()))

    async def _whisper(self, webhook: Webhook) -> Response:
        """The person of a transfer has answered: they hear what the call is about, and are asked to take it."""
        transfer = await self._control.requested_transfer(webhook.call)
        if transfer is None:
            return _twiml(twiml.hang_up_twiml())
        return _twiml(twiml.whisper_twiml(transfer, webhook.call, self._public, app=self._control.app))

    async def _accept(self, webhook: Webhook) -> Response:
        """The person has pressed a key."""
        accepts = webhook.form.get("Digits") == ACCEPT_KEY
        if accepts and await self._control.accept_transfer(webhook.call):
            return _twiml(twiml.bridge_twiml())
        return _twiml(twiml.hang_up_twiml())

    async def _machine(self, webhook: Webhook) -> Response:
        """Twilio has detected during the call who answered it."""
        answered = twiml.answered_by(webhook.form)
        if webhook.call and answered is not None and answered.detail:
            await self._control.answered(webhook.call, answered)
        return Response(status_code=204)

    async def _status(self, webhook: Webhook) -> Response:
        """Twilio says how a call goes."""
        if webhook.end_reason is not None:
            await self._control.ended(webhook.report())
        return Response(status_code=204)

    def _answer(self, webhook: Webhook, step: Step) -> Response:
        """The TwiML of a step."""
        match step:
            case Connect(parties=parties, offered_at=offered_at):
                token = self._tokens.issue(parties.call, parties.provider_call, offered_at, parties.stream)
                if self._relay is not None:
                    return _twiml(twiml.relay_twiml(step, token, self._public, self._relay))
                return _twiml(twiml.connect_twiml(step, token, self._public))
            case Transfer():
                stream = webhook.report().stream
                return _twiml(twiml.dial_twiml(step, webhook.call, self._public, ring_s=self._ring_s, stream=stream))
            case Busy(message):
                return _twiml(twiml.busy_twiml(message))
            case AskAgain():
                return self._ask_again(webhook, step)
            case HangUp():
                return _twiml(twiml.hang_up_twiml())

    def _ask_again(self, webhook: Webhook, step: AskAgain) -> Response:
        query = {**webhook.query, "tries": str(step.tries)}
        path = twiml.AFTER_STREAM_PATH
        if webhook.dial_status:
            path, query["DialCallStatus"] = twiml.AFTER_DIAL_PATH, webhook.dial_status
        return _twiml(twiml.retry_twiml(self._public.at(path, **query), step.message))


def _query(query: str) -> dict[str, str]:
    """What we wrote into the address.

    Raises:
        RejectedError: a name occurs twice, which we never write.

    """
    pairs = parse_qsl(query, keep_blank_values=True)
    if len(dict(pairs)) < len(pairs):
        msg = "a name is twice in the address"
        raise RejectedError(msg)
    return dict(pairs)


def _twiml(document: str) -> Response:
    return Response(document, media_type="application/xml")
