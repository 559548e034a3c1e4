"""Plivo's webhooks: each is checked, read as a `CallReport`, and answered with the document of what happens next.

Sources: https://www.plivo.com/docs/voice/xml/request (fields), https://www.plivo.com/docs/voice/xml/dial (transfers),
https://www.plivo.com/docs/voice/api/call/asynchronous-machine-detection
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from orchestra.history.ending import HangUp, Transfer
from orchestra.voice.carriers.plivo import documents
from orchestra.voice.carriers.plivo.signature import check_signature, read_query
from orchestra.voice.carriers.port import Answered, AskAgain, Busy, CallControl, CallReport, Connect, Parties, Step
from orchestra.voice.carriers.public_url import PublicUrl
from orchestra.voice.carriers.request_body import read_body
from orchestra.voice.carriers.stream_token import StreamTokens
from orchestra.voice.carriers.webhook import (
    LONGEST_FORM,
    NO_CALL_OF_OURS,
    address_number,
    as_text,
    checked,
    note_refusal,
    read_form,
)
from orchestra_schemas.calls import EndReason

#: the final states of a call, and what they mean
_FINAL: dict[str, EndReason] = {
    "completed": "caller_hung_up",
    "cancel": "caller_hung_up",
    "busy": "busy",
    "no-answer": "no_answer",
    "timeout": "failed",
    "failed": "failed",
}

#: one token signs for an account, another one for the main account of a subaccount
_SIGNATURES = ("X-Plivo-Signature-V3", "X-Plivo-Signature-Ma-V3")
_NONCE = "X-Plivo-Signature-V3-Nonce"

#: a number in an address that we did not write: no more tries are left
_TOO_MANY = 999_999_999
#: Plivo writes numbers without the plus
_NUMBER = re.compile(r"[1-9][0-9]{6,14}")


@dataclass(frozen=True, slots=True)
class Webhook:
    """A request of Plivo's, its signature checked.

    Attributes:
        path: where it came.
        form: what Plivo says.
        query: what we wrote into the address when we gave it to Plivo.
        signature: Plivo's, over both.

    """

    path: str
    form: Mapping[str, str]
    query: Mapping[str, str]
    signature: str

    @property
    def call(self) -> str:
        """The call's id, empty where Plivo has none of ours yet."""
        return self.query.get("call", "")

    @property
    def end_reason(self) -> EndReason | None:
        """Why the call is over, if Plivo says that it is."""
        return _FINAL.get(self.form.get("CallStatus", ""))

    @property
    def dial_status(self) -> str:
        """How a transfer ended. After a redirect it is in the address, because Plivo says it only once."""
        return self.form.get("DialStatus", "") or self.query.get("DialStatus", "")

    @property
    def answered(self) -> Answered | None:
        """Who answered a call that we placed, where Plivo says it: ``Machine`` is true or false."""
        detail = self.form.get("Machine", "").lower()
        if detail not in ("true", "false"):
            return None
        return Answered("machine" if detail == "true" else "human", f"Machine={detail}")

    def report(self, *, outbound: bool | None = None) -> CallReport:
        """What it says. ``outbound``: whether we placed the call; Plivo's word for it counts unless given."""
        if outbound is None:
            outbound = self.form.get("Direction", "") == "outbound"
        parties = Parties(
            call=self.call,
            provider_call=self.form.get("CallUUID", ""),
            from_number=_e164(self.form.get("From", "")),
            to_number=_e164(self.form.get("To", "")),
            direction="outbound" if outbound else "inbound",
            stream=address_number(self.query.get("stream", "0"), 0),
        )
        return CallReport(
            parties,
            request=self.path,
            signature=self.signature,
            end_reason=self.end_reason,
            answered=self.answered,
            transfer_status=self.dial_status,
            tries=address_number(self.query.get("tries", "0"), _TOO_MANY),
        )


class Webhooks:
    """The webhooks of one Plivo account.

    Args:
        auth_token: the account's token, with which Plivo signs.
        public: where Plivo reaches the edges.
        tokens: issues the tokens of media streams.
        control: decides what happens next in a call.
        writer: writes the documents.

    """

    def __init__(
        self,
        auth_token: str,
        public: PublicUrl,
        tokens: StreamTokens,
        control: CallControl,
        writer: documents.Documents,
    ) -> None:
        self._auth_token = auth_token
        self._public = public
        self._tokens = tokens
        self._control = control
        self._writer = writer

    def add_to(self, router: APIRouter) -> None:
        """Add a route for each."""
        for path, answer in (
            (documents.ANSWER_PATH, self._begin),
            (documents.AFTER_STREAM_PATH, self._after_stream),
            (documents.AFTER_DIAL_PATH, self._after_dial),
            (documents.BRIEFING_PATH, self._brief),
            (documents.DIAL_EVENT_PATH, self._dial_event),
            (documents.MACHINE_PATH, self._machine),
            (documents.HANGUP_PATH, self._hung_up),
        ):
            router.add_api_route(path, self._checked(answer), methods=["POST"])

    def _checked(self, answer: Callable[[Webhook], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """The endpoint that checks a request's signature before it is answered; 403 without a good one."""

        async def answer_known(webhook: Webhook) -> Response:
            if webhook.call and not self._control.is_call(webhook.call):
                # 403 would make Plivo ask again, and then the caller hears nothing
                note_refusal(self._control, webhook.path, NO_CALL_OF_OURS)
                return _xml(self._writer.hang_up())
            return await answer(webhook)

        return checked(self._control, self._read, answer_known)

    async def _read(self, request: Request) -> Webhook:
        """The request, once its signature is checked.

        Raises:
            RejectedError: it is not Plivo's.

        """
        # undecoded, since Plivo signed the address as it was given
        path, query = (request.scope[part].decode("latin-1") for part in ("raw_path", "query_string"))
        ours = read_query(query)
        fields = read_form(await read_body(request, LONGEST_FORM))
        address = self._public.at(path) + (f"?{query}" if query else "")
        given = [request.headers.get(header, "") for header in _SIGNATURES]
        signature = check_signature(address, fields, given, request.headers.get(_NONCE, ""), self._auth_token)
        return Webhook(request.url.path[:100], as_text(fields), ours, signature)

    async def _begin(self, webhook: Webhook) -> Response:
        """A call comes in, or one that we have placed was answered."""
        return self._answer(webhook, await self._control.offer(webhook.report(outbound=bool(webhook.call))))

    async def _after_stream(self, webhook: Webhook) -> Response:
        """The media stream has ended."""
        return self._answer(webhook, await self._control.after_stream(webhook.report()))

    async def _after_dial(self, webhook: Webhook) -> Response:
        """A transfer is over."""
        return self._answer(webhook, await self._control.after_transfer(webhook.report()))

    async def _brief(self, webhook: Webhook) -> Response:
        """The person of a transfer has answered: they hear what the call is about, and are asked to take it."""
        transfer = await self._control.requested_transfer(webhook.call)
        return _xml(self._writer.hang_up() if transfer is None else self._writer.briefing(transfer))

    async def _dial_event(self, webhook: Webhook) -> Response:
        """Something happens during a transfer: the person is connected once they have pressed the key."""
        if webhook.form.get("DialAction") == "connected":
            await self._control.accept_transfer(webhook.call)
        return Response(status_code=204)

    async def _machine(self, webhook: Webhook) -> Response:
        """Plivo has detected during the call who answered it."""
        if webhook.call and webhook.answered is not None:
            await self._control.answered(webhook.call, webhook.answered)
        return Response(status_code=204)

    async def _hung_up(self, webhook: Webhook) -> Response:
        """The call is over, or was never answered."""
        if webhook.end_reason is not None:
            await self._control.ended(webhook.report())
        return Response(status_code=204)

    def _answer(self, webhook: Webhook, step: Step) -> Response:
        """The document of a step."""
        writer = self._writer
        match step:
            case Connect(parties=parties, offered_at=offered_at):
                token = self._tokens.issue(parties.call, parties.provider_call, offered_at, parties.stream)
                return _xml(writer.connect(step, token))
            case Transfer():
                return _xml(writer.dial(step, webhook.call, stream=webhook.report().stream))
            case Busy(message):
                return _xml(writer.busy(message))
            case AskAgain():
                return self._ask_again(webhook, step)
            case HangUp():
                return _xml(writer.hang_up())

    def _ask_again(self, webhook: Webhook, step: AskAgain) -> Response:
        query = {**webhook.query, "tries": str(step.tries)}
        path = documents.AFTER_STREAM_PATH
        if webhook.dial_status:
            path, query["DialStatus"] = documents.AFTER_DIAL_PATH, webhook.dial_status
        return _xml(self._writer.ask_again(self._public.at(path, **query), step.message))


def _e164(number: str) -> str:
    return f"+{number}" if _NUMBER.fullmatch(number) else number


def _xml(document: str) -> Response:
    return Response(document, media_type="application/xml")
