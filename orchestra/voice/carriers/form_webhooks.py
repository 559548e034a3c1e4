"""The webhooks of a carrier that asks with signed forms, and is answered with documents in XML: Twilio, Plivo."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from fastapi import APIRouter, Request, Response

from orchestra.history.ending import HangUp, Transfer
from orchestra.voice.carriers.port import Answered, AskAgain, Busy, CallControl, CallReport, Connect, Parties, Step
from orchestra.voice.carriers.public_url import PublicUrl
from orchestra.voice.carriers.stream_token import StreamTokens
from orchestra.voice.carriers.webhook import NO_CALL_OF_OURS, checked, note_refusal
from orchestra_schemas.calls import EndReason

#: a number in an address that we did not write: no more tries are left
_TOO_MANY = 999_999_999
_MOST_DIGITS = 8


@dataclass(frozen=True, slots=True)
class FormDialect:
    """What a carrier calls things in its forms.

    Attributes:
        provider_call: the field with the carrier's id of the call.
        transfer_status: the field that says how a transfer ended.
        final: the states of a call that is over, and what they mean.
        answered: who answered a call that we placed, where a form says it.
        number: a telephone number as we write it.

    """

    provider_call: str
    transfer_status: str
    final: Mapping[str, EndReason]
    answered: Callable[[Mapping[str, str]], Answered | None]
    number: Callable[[str], str] = str


@dataclass(frozen=True, slots=True)
class FormWebhook:
    """A request of the carrier's, its signature checked.

    Attributes:
        path: where it came.
        form: what the carrier says.
        query: what we wrote into the address when we gave it to the carrier.
        signature: the carrier's, over both.
        dialect: the carrier's.

    """

    path: str
    form: Mapping[str, str]
    query: Mapping[str, str]
    signature: str
    dialect: FormDialect

    @property
    def call(self) -> str:
        """The call's id, empty where the carrier has none of ours yet."""
        return self.query.get("call", "")

    @property
    def stream(self) -> int:
        """The number of the stream after which the carrier asks."""
        return _number(self.query.get("stream", "0"), 0)

    @property
    def transfer_status(self) -> str:
        """How a transfer ended. After a redirect it is in the address, because the carrier says it only once."""
        field = self.dialect.transfer_status
        return self.form.get(field, "") or self.query.get(field, "")

    @property
    def answered(self) -> Answered | None:
        """Who answered a call that we placed, where the carrier says it."""
        return self.dialect.answered(self.form)

    @property
    def is_over(self) -> bool:
        """Whether the carrier says that the call is over."""
        return self.form.get("CallStatus", "") in self.dialect.final

    def report(self, *, outbound: bool | None = None) -> CallReport:
        """What it says. ``outbound``: whether we placed the call; the carrier's word for it counts unless given."""
        if outbound is None:
            outbound = self.form.get("Direction", "").startswith("outbound")
        parties = Parties(
            call=self.call,
            provider_call=self.form.get(self.dialect.provider_call, ""),
            from_number=self.dialect.number(self.form.get("From", "")),
            to_number=self.dialect.number(self.form.get("To", "")),
            direction="outbound" if outbound else "inbound",
            stream=self.stream,
        )
        return CallReport(
            parties,
            request=self.path,
            signature=self.signature,
            end_reason=self.dialect.final.get(self.form.get("CallStatus", "")),
            answered=self.answered,
            transfer_status=self.transfer_status,
            tries=_number(self.query.get("tries", "0"), _TOO_MANY),
        )


class Documents(Protocol):
    """Writes the carrier's documents."""

    def connect(self, step: Connect, token: str) -> str:
        """Connect the call to an edge's WebSocket; when it ends, ask what happens next."""

    def dial(self, transfer: Transfer, call: str, *, stream: int) -> str:
        """Ring the person of a transfer; afterwards ask what follows. ``stream`` ended for the transfer."""

    def busy(self, message: str, language: str) -> str:
        """All lines are in use. The caller hears the message, or without one the busy tone."""

    def ask_again(self, url: str, message: str, language: str) -> str:
        """Say the message, if there is one, wait a moment, then ask at this address what happens next."""

    def hang_up(self) -> str:
        """The call is over."""


Answer = Callable[[FormWebhook], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Paths:
    """Where the carrier asks what every call needs."""

    begin: str
    after_stream: str
    after_transfer: str
    machine: str
    status: str


class FormWebhooks:
    """The webhooks of one account.

    Args:
        read: the webhook in a request, once its signature is checked; raises `RejectedError`.
        paths: where they come.
        public: where the carrier reaches the edges.
        tokens: issues the tokens of media streams.
        control: decides what happens next in a call.
        documents: writes the answers.

    """

    def __init__(
        self,
        read: Callable[[Request], Awaitable[FormWebhook]],
        paths: Paths,
        *,
        public: PublicUrl,
        tokens: StreamTokens,
        control: CallControl,
        documents: Documents,
    ) -> None:
        self._read = read
        self._paths = paths
        self._public = public
        self._tokens = tokens
        self._control = control
        self._documents = documents

    def add_to(self, router: APIRouter, more: Mapping[str, Answer]) -> None:
        """Add a route for each; ``more`` are those of the carrier alone, by path."""
        paths = self._paths
        every_call: dict[str, Answer] = {
            paths.begin: self._begin,
            paths.after_stream: self._after_stream,
            paths.after_transfer: self.after_transfer,
            paths.machine: self._machine,
            paths.status: self._status,
        }
        for path, answer in (every_call | dict(more)).items():
            router.add_api_route(path, self._checked(answer), methods=["POST"])

    def _checked(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        """The endpoint that checks a request's signature before it is answered; 403 without a good one."""

        async def answer_known(webhook: FormWebhook) -> Response:
            if webhook.call and not self._control.is_call(webhook.call):
                # 403 would make the carrier read out an error to the caller, or ask again while they hear nothing
                note_refusal(self._control, webhook.path, NO_CALL_OF_OURS)
                return xml(self._documents.hang_up())
            return await answer(webhook)

        return checked(self._control, self._read, answer_known)

    async def _begin(self, webhook: FormWebhook) -> Response:
        """A call comes in, or one that we have placed was answered."""
        return self._answer(webhook, await self._control.offer(webhook.report(outbound=bool(webhook.call))))

    async def _after_stream(self, webhook: FormWebhook) -> Response:
        """The media stream has ended."""
        return self._answer(webhook, await self._control.after_stream(webhook.report()))

    async def after_transfer(self, webhook: FormWebhook) -> Response:
        """A transfer is over."""
        return self._answer(webhook, await self._control.after_transfer(webhook.report()))

    async def _machine(self, webhook: FormWebhook) -> Response:
        """The carrier has detected during the call who answered it."""
        if webhook.call and webhook.answered is not None and webhook.answered.detail:
            await self._control.answered(webhook.call, webhook.answered)
        return Response(status_code=204)

    async def _status(self, webhook: FormWebhook) -> Response:
        """The carrier says how a call goes."""
        if webhook.is_over:
            await self._control.ended(webhook.report())
        return Response(status_code=204)

    def _answer(self, webhook: FormWebhook, step: Step) -> Response:
        """The document of a step."""
        documents = self._documents
        match step:
            case Connect(parties=parties, offered_at=offered_at):
                token = self._tokens.issue(parties.call, parties.provider_call, offered_at, parties.stream)
                return xml(documents.connect(step, token))
            case Transfer():
                return xml(documents.dial(step, webhook.call, stream=webhook.stream))
            case Busy(message, language):
                return xml(documents.busy(message, language))
            case AskAgain():
                again = self._again_at(webhook, step.tries)
                return xml(documents.ask_again(again, step.message, step.language))
            case HangUp():
                return xml(documents.hang_up())

    def _again_at(self, webhook: FormWebhook, tries: int) -> str:
        query = {**webhook.query, "tries": str(tries)}
        path = self._paths.after_stream
        if webhook.transfer_status:
            path, query[webhook.dialect.transfer_status] = self._paths.after_transfer, webhook.transfer_status
        return self._public.at(path, **query)


def xml(document: str) -> Response:
    """A document as an answer."""
    return Response(document, media_type="application/xml")


def _number(text: str, otherwise: int) -> int:
    """A number that we wrote into an address; ``otherwise`` if somebody changed it."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else otherwise
