"""Plivo's webhooks: each is checked, read as a `CallReport`, and answered with the document of what happens next.

Sources: https://www.plivo.com/docs/voice/xml/request (fields), https://www.plivo.com/docs/voice/xml/dial (transfers),
https://www.plivo.com/docs/voice/api/call/asynchronous-machine-detection
"""

import re
from collections.abc import Mapping

from fastapi import APIRouter, Request, Response

from orchestra.voice.carriers.form_webhooks import FormDialect, FormWebhook, FormWebhooks, Paths, xml
from orchestra.voice.carriers.plivo import documents
from orchestra.voice.carriers.plivo.signature import check_signature, read_query
from orchestra.voice.carriers.port import Answered, CallControl
from orchestra.voice.carriers.public_url import PublicUrl
from orchestra.voice.carriers.stream_token import StreamTokens
from orchestra.voice.carriers.webhook import LONGEST_FORM, as_text, read_form
from orchestra.web_server.request_body import read_body
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

#: Plivo writes numbers without the plus
_NUMBER = re.compile(r"[1-9][0-9]{6,14}")


def _answered(form: Mapping[str, str]) -> Answered | None:
    """Who answered a call that we placed, where Plivo says it: ``Machine`` is true or false."""
    detail = form.get("Machine", "").lower()
    if detail not in ("true", "false"):
        return None
    return Answered("machine" if detail == "true" else "human", f"Machine={detail}")


def _e164(number: str) -> str:
    return f"+{number}" if _NUMBER.fullmatch(number) else number


_DIALECT = FormDialect("CallUUID", "DialStatus", _FINAL, _answered, _e164)
_PATHS = Paths(
    begin=documents.ANSWER_PATH,
    after_stream=documents.AFTER_STREAM_PATH,
    after_transfer=documents.AFTER_DIAL_PATH,
    machine=documents.MACHINE_PATH,
    status=documents.HANGUP_PATH,
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
        every_call = FormWebhooks(
            self._read, _PATHS, public=self._public, tokens=self._tokens, control=self._control, documents=self._writer
        )
        of_plivo = {
            documents.BRIEFING_PATH: self._brief,
            documents.DIAL_EVENT_PATH: self._dial_event,
            documents.HOLD_MUSIC_PATH: self._hold_music,
        }
        every_call.add_to(router, of_plivo)

    async def _read(self, request: Request) -> FormWebhook:
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
        return FormWebhook(request.url.path[:100], as_text(fields), ours, signature, _DIALECT)

    async def _brief(self, webhook: FormWebhook) -> Response:
        """The person of a transfer has answered: they hear what the call is about, and are asked to take it."""
        transfer = await self._control.requested_transfer(webhook.call)
        return xml(self._writer.hang_up() if transfer is None else self._writer.briefing(transfer))

    async def _hold_music(self, webhook: FormWebhook) -> Response:
        """The caller waits."""
        transfer = await self._control.requested_transfer(webhook.call)
        if transfer is None or not transfer.hold_music:
            return xml(self._writer.hang_up())  # Plivo plays nothing then, and rings on
        return xml(self._writer.hold_music(transfer))

    async def _dial_event(self, webhook: FormWebhook) -> Response:
        """Something happens during a transfer: the person is connected once they have pressed the key."""
        if webhook.form.get("DialAction") == "connected":
            await self._control.accept_transfer(webhook.call)
        return Response(status_code=204)
