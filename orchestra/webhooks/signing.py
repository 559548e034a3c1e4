"""Signs messages as the Standard Webhooks specification says (1.0.0): HMAC-SHA256 over id, time and body."""

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime

from standardwebhooks import Webhook

from orchestra.errors import SettingError

_PREFIX = "whsec_"
#: bytes of a secret; the specification's limits
_SHORTEST, _LONGEST = 24, 64


def read_secrets(text: str, where: str) -> tuple[str, ...]:
    """The secrets in a text, separated by white space: the current one, and an older one while receivers change over.

    Raises:
        SettingError: there is none, or one is not like ``whsec_…``; the message says how to make one, and quotes none.

    """
    secrets = tuple(text.split())
    for secret in secrets:
        try:
            key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            key = b""
        if not secret.startswith(_PREFIX) or not _SHORTEST <= len(key) <= _LONGEST:
            break
    else:
        if secrets:
            return secrets
    msg = (
        f"{where} holds no webhook secret: it is {_PREFIX} and the base64 of {_SHORTEST} to {_LONGEST} random bytes,"
        f' as in echo "{_PREFIX}$(openssl rand -base64 32)"'
    )
    raise SettingError(msg)


def signed_headers(secrets: Sequence[str], message_id: str, body: bytes, at: float) -> dict[str, str]:
    """The headers of one attempt to deliver a message.

    Args:
        secrets: as `read_secrets` returns them; each signs, and a receiver accepts any.
        message_id: the same at every attempt. It may have dots, as ids of events do: no caller chooses it, and a
            receiver compares what is signed as a whole.
        body: UTF-8, exactly as it is sent.
        at: the time of this attempt, epoch seconds.

    """
    # the library takes the time as UTC, whatever its zone
    moment, text = datetime.fromtimestamp(int(at), UTC), body.decode()
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at)),
        "webhook-signature": " ".join(Webhook(secret).sign(message_id, moment, text) for secret in secrets),
    }
