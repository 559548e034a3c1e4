"""Twilio's webhooks: each is checked, read as a `CallReport`, and answered with the TwiML of what happens next."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

import structlog
from fastapi import APIRouter, Request, Response

from orchestra.errors import CarrierError, RejectedError
from orchestra.history.ending import Transfer
from orchestra.settings import Settings
from orchestra.voice.carriers.briefing import ACCEPT_KEY
from orchestra.voice.carriers.form_webhooks import FormDialect, FormWebhook, FormWebhooks, Paths, xml
from orchestra.voice.carriers.port import CallControl, Connect
from orchestra.voice.carriers.public_url import PublicUrl
from orchestra.voice.carriers.stream_token import StreamTokens
from orchestra.voice.carriers.twilio import rest, twiml
from orchestra.voice.carriers.webhook import LONGEST_FORM
from orchestra.web_server.request_body import read_body

_LOG = structlog.get_logger("orchestra.voice")

_DIALECT = FormDialect("CallSid", "DialCallStatus", twiml.FINAL, twiml.answered_by)
#: how a caller left a queue
_QUEUE_RESULT = "QueueResult"
#: of what is kept of a call: Twilio's id of the call to the person
_PERSON = "twilio person"
#: for longer than any webhook is repeated
_CALLED_ONCE_S = 3600
_PATHS = Paths(
    begin=twiml.VOICE_PATH,
    after_stream=twiml.AFTER_STREAM_PATH,
    after_transfer=twiml.AFTER_DIAL_PATH,
    machine=twiml.MACHINE_PATH,
    status=twiml.STATUS_PATH,
)


@dataclass(frozen=True, slots=True)
class TwimlDocuments:
    """Writes the TwiML of what every call needs.

    Attributes:
        public: where Twilio reaches the edges.
        ring_s: how long a transfer may ring.
        relay: the attributes of Conversation Relay; None: calls come as audio.
        queues: whether callers may wait in a queue, with music: the person is then called over the REST API.

    """

    public: PublicUrl
    ring_s: int
    relay: Mapping[str, str] | None
    queues: bool

    def connect(self, step: Connect, token: str) -> str:
        """Connect the call to an edge's WebSocket; when it ends, ask what happens next."""
        if self.relay is not None:
            return twiml.relay_twiml(step, token, self.public, self.relay)
        return twiml.connect_twiml(step, token, self.public)

    def dial(self, transfer: Transfer, call: str, *, stream: int) -> str:
        """Ring the person of a transfer; afterwards ask what follows. ``stream`` ended for the transfer."""
        if transfer.hold_music and self.queues:
            return twiml.enqueue_twiml(call, self.public, stream=stream)
        return twiml.dial_twiml(transfer, call, self.public, ring_s=self.ring_s, stream=stream)

    def busy(self, message: str, language: str) -> str:
        """All lines are in use. The caller hears the message, or without one the busy tone."""
        return twiml.busy_twiml(message, language)

    def ask_again(self, url: str, message: str, language: str) -> str:
        """Say the message, if there is one, wait a moment, then ask at this address what happens next."""
        return twiml.retry_twiml(url, message, language)

    def hang_up(self) -> str:
        """The call is over."""
        return twiml.hang_up_twiml()


class Webhooks:
    """The webhooks of one Twilio account.

    Args:
        settings: the account's; Twilio signs with its token.
        tokens: issues the tokens of media streams.
        control: decides what happens next in a call.
        documents: writes the TwiML.

    """

    def __init__(
        self, settings: Settings, tokens: StreamTokens, control: CallControl, documents: TwimlDocuments
    ) -> None:
        self._settings = settings
        self._auth_token = settings.twilio_auth_token.get_secret_value()
        self._public = documents.public
        self._tokens = tokens
        self._control = control
        self._documents = documents

    def add_to(self, router: APIRouter) -> None:
        """Add a route for each."""
        every_call = FormWebhooks(
            self._read,
            _PATHS,
            public=self._public,
            tokens=self._tokens,
            control=self._control,
            documents=self._documents,
        )

        async def after_dial(webhook: FormWebhook) -> Response:
            if webhook.form.get(_QUEUE_RESULT) == "redirected":  # by us: what follows has its own request
                return xml(twiml.hang_up_twiml())
            answer = await every_call.after_transfer(webhook)
            if webhook.form.get(_QUEUE_RESULT) == "hangup":
                await self._stop_ringing(webhook.call)
            return answer

        of_twilio = {
            twiml.AFTER_DIAL_PATH: after_dial,
            twiml.WHISPER_PATH: self._whisper,
            twiml.ACCEPT_PATH: self._accept,
            twiml.HOLD_PATH: self._hold,
            twiml.PERSON_PATH: self._person,
        }
        every_call.add_to(router, of_twilio)

    async def _read(self, request: Request) -> FormWebhook:
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
        if _QUEUE_RESULT in form:
            form.setdefault(_DIALECT.transfer_status, form[_QUEUE_RESULT])
        return FormWebhook(request.url.path[:100], form, _query(query), signature, _DIALECT)

    async def _whisper(self, webhook: FormWebhook) -> Response:
        """The person of a transfer has answered: they hear what the call is about, and are asked to take it."""
        transfer = await self._control.requested_transfer(webhook.call)
        if transfer is None:
            return xml(twiml.hang_up_twiml())
        return xml(
            twiml.whisper_twiml(
                transfer, webhook.call, self._public, app=self._control.app, queued=twiml.QUEUED in webhook.query
            )
        )

    async def _accept(self, webhook: FormWebhook) -> Response:
        """The person has pressed a key."""
        accepts = webhook.form.get("Digits") == ACCEPT_KEY
        if accepts and await self._control.accept_transfer(webhook.call):
            return xml(twiml.dequeue_twiml(webhook.call) if twiml.QUEUED in webhook.query else twiml.bridge_twiml())
        return xml(twiml.hang_up_twiml())

    # -- a caller who waits in a queue

    async def _hold(self, webhook: FormWebhook) -> Response:
        """The caller waits: they hear music, and the person is called; Twilio asks again after each round of it."""
        transfer = await self._control.requested_transfer(webhook.call)
        if transfer is None or not transfer.hold_music:
            return xml(twiml.leave_twiml())
        try:
            # Twilio asks again where it did not get the answer: the person is called once
            if await self._control.count(f"twilio person {webhook.call} {webhook.stream}", _CALLED_ONCE_S) == 1:
                caller = webhook.report().provider_call
                person = await rest.call_person(
                    self._settings, transfer, webhook.call, self._public, caller=caller, stream=webhook.stream
                )
                await self._note_person(webhook.call, person)
        except (CarrierError, RejectedError) as error:
            _LOG.warning("transfer.failed", call=webhook.call, error=str(error))
            return xml(twiml.leave_twiml())
        again = self._public.after(twiml.HOLD_PATH, webhook.call, webhook.stream)
        return xml(twiml.music_twiml(self._public.at(transfer.hold_music), again))

    async def _note_person(self, call: str, person: str) -> None:
        """Keep Twilio's id of the person's call: without it, it rings on where the caller hangs up."""
        try:
            await self._control.keep(call, _PERSON, person)
        except RejectedError as error:
            _LOG.warning("transfer.person_not_noted", call=call, error=str(error))

    async def _stop_ringing(self, call: str) -> None:
        """The caller has hung up before the person had the call, which is not to ring any longer."""
        try:
            if call and (person := await self._control.kept(call, _PERSON)):
                await rest.hang_up(self._settings, person)
        except (CarrierError, RejectedError) as error:  # whoever answers is hung up on
            _LOG.info("transfer.rings_on", call=call, error=str(error))

    async def _person(self, webhook: FormWebhook) -> Response:
        """The person's call is over: the caller, if they still wait, leaves the queue for what follows."""
        caller = webhook.query.get(twiml.CALLER, "")
        if caller and webhook.is_over and await self._control.requested_transfer(webhook.call) is not None:
            status = {_DIALECT.transfer_status: webhook.form["CallStatus"]}
            after = {name: value for name, value in webhook.query.items() if name != twiml.CALLER}
            try:
                await rest.redirect(self._settings, caller, self._public.at(twiml.AFTER_DIAL_PATH, **after, **status))
            except CarrierError as error:  # they have hung up
                _LOG.info("transfer.caller_gone", call=webhook.call, error=str(error))
        return Response(status_code=204)


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
