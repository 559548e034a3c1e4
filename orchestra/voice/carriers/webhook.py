"""A carrier's webhook: the endpoint that checks it before it is answered, and forms as carriers sign them."""

from collections.abc import Awaitable, Callable
from typing import TypeVar
from urllib.parse import parse_qsl

import structlog
from fastapi import HTTPException, Request, Response

from orchestra.errors import CarrierError, RejectedError
from orchestra.voice.carriers.port import CallControl

_LOG = structlog.get_logger("orchestra.voice")

#: a webhook's form has a few hundred bytes
LONGEST_FORM = 16_384
_MOST_FIELDS = 200
#: why a webhook is refused whose address has a call's id that is none
NO_CALL_OF_OURS = "the address names a call that cannot be one of this platform's"

WebhookT = TypeVar("WebhookT")
#: names and values as bytes, since these are what a carrier signs
Fields = list[tuple[bytes, bytes]]


def checked(
    control: CallControl,
    read: Callable[[Request], Awaitable[WebhookT]],
    answer: Callable[[WebhookT], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of a webhook.

    Args:
        control: notes what is refused.
        read: the webhook, once its signature is checked. What it rejects gets 403.
        answer: what the carrier is told. A `CarrierError` in it becomes 503, and the carrier sends the webhook again.

    """

    async def endpoint(request: Request) -> Response:
        try:
            return await answer(await read(request))
        except RejectedError as error:
            note_refusal(control, request.url.path, str(error))
            raise HTTPException(403) from None
        except CarrierError as error:
            _LOG.warning("webhook.not_done", error=str(error))
            raise HTTPException(503) from None

    return endpoint


def note_refusal(control: CallControl, path: str, reason: str) -> None:
    """Note that a webhook was refused."""
    control.refusals.note("webhook.refused", path=path[:100], reason=reason)


def read_form(body: bytes) -> Fields:
    """The fields of a form, as the bytes that were signed.

    Raises:
        RejectedError: it is too long, or no form.

    """
    if len(body) > LONGEST_FORM:
        msg = f"form of more than {LONGEST_FORM} bytes"
        raise RejectedError(msg)
    try:
        # each byte is read as a character, since the signature is over bytes
        pairs = parse_qsl(
            body.decode("latin-1"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, encoding="latin-1"
        )
    except ValueError:
        msg = "no form"
        raise RejectedError(msg) from None
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]


def as_text(fields: Fields) -> dict[str, str]:
    """As text. The order of a form is not signed, so of two values with one name the same one counts in any order."""
    return {field_text(name): field_text(value) for name, value in sorted(fields)}


def field_text(field: bytes) -> str:
    """As UTF-8; a name that a SIP device sent may be in Latin-1."""
    try:
        return field.decode()
    except UnicodeDecodeError:
        return field.decode("latin-1")
