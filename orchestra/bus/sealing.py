"""Keeps what callers say out of the journal: its events hold placeholders, and beside them what they were, encrypted.

::

    published   {"text": "my number is 555 010 1234"}
    stored      body    {"text": "my number is [phone]"}         what every reader sees
                sealed  nonce, AES-256-GCM of the event          what edges and agents open

They stand in one entry, so neither is ever without the other, and both go when the journal is trimmed.
"""

import hashlib
import hmac
import importlib
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Final

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from orchestra.bus.encryption import decrypt, encrypt
from orchestra.bus.redis.reply import text
from orchestra.errors import SealedError
from orchestra.settings import Settings

#: begins a sealed field of a state: no JSON and no text begins like this
_MARK: Final = b"\x00sealed\x01"
#: so many calls' keys are kept
_CALLS: Final = 1024
#: where an entry's body is, and the name of what is sealed of it
_BODY: Final = 7
_SEALED: Final = 8
_LOG = structlog.get_logger("orchestra.bus")

#: the redacted body of an event, from its call, its type and its body
Redact = Callable[[str, str, bytes], bytes]


class Sealing:
    """Seals and opens events and the state of calls.

    Args:
        key: returns the key, which is the same in all processes that open what others have sealed. It may raise a
            SealedError.
        redact: makes the placeholders; returns the same bytes if there is nothing to hide. None: nothing is sealed, but
            what was is opened, since calls go on when the setting is changed.
        redact_text: the same for a text that belongs to no event.

    """

    def __init__(
        self, key: Callable[[], bytes], redact: Redact | None = None, redact_text: Callable[[str], str] = str
    ) -> None:
        self.seals = redact is not None
        self.redact_text = redact_text
        self._key = key
        self._redact = redact
        self._cipher = lru_cache(_CALLS)(self._new_cipher)
        self._told = False

    def seal(self, call: str, kind: str, event_id: str, body: bytes) -> tuple[bytes, bytes]:
        """The body as everybody may read it, and the sealed one; that is empty if there was nothing to hide.

        So it is where there is no key, which is logged once: rather nobody reads it than everybody.
        """
        redacted = body if self._redact is None else self._redact(call, kind, body)
        if redacted == body:
            return body, b""
        try:
            return redacted, encrypt(self._cipher(call), body, event_id)
        except SealedError as error:
            self._tell(call, error)
            return redacted, b""

    def open(self, call: str, event_id: str, sealed: bytes) -> bytes | None:
        """The body of a sealed event; None if it was sealed with another key, which is logged once."""
        try:
            return self._decrypt(call, event_id, sealed)
        except SealedError as error:
            self._tell(call, error)
            return None

    def opened(self, values: list[bytes]) -> list[bytes]:
        """Names and values of a stream entry, with the body that was sealed in place of the redacted one."""
        if len(values) <= _SEALED or values[_SEALED] != b"sealed" or values[2:5:2] != [b"call", b"id"]:
            return values
        body = self.open(text(values[3]), text(values[5]), values[_SEALED + 1])
        return values if body is None else [*values[:_BODY], body, *values[_SEALED + 2 :]]

    def seal_state(self, call: str, field: str, value: bytes) -> bytes:
        """A field of a call's state, for nobody else to read; as it is where nothing is sealed.

        Raises:
            SealedError: there is no key.

        """
        if self._redact is None:
            return value
        return _MARK + encrypt(self._cipher(call), value, field)

    def open_state(self, call: str, field: str, value: bytes) -> bytes:
        """What `seal_state` was given, or the value as it is if it was never sealed.

        Raises:
            SealedError: it was sealed with another key.

        """
        return self._decrypt(call, field, value[len(_MARK) :]) if value.startswith(_MARK) else value

    def _tell(self, call: str, error: SealedError) -> None:
        if not self._told:
            self._told = True
            _LOG.error("journal.sealed_by_another_key", call=call, problem=str(error))

    def _new_cipher(self, call: str) -> AESGCM:
        # a key for each call: a nonce is random, and so safe for some four billion encryptions with one key
        return AESGCM(hmac.new(self._key(), f"journal {call}".encode(), hashlib.sha256).digest())

    def _decrypt(self, call: str, name: str, sealed: bytes) -> bytes:
        try:
            return decrypt(self._cipher(call), sealed, name)
        except InvalidTag:
            msg = (
                f"what is sealed of call {call} cannot be read: set the same ORCHESTRA_VAULT_KEY on every machine with"
                " an edge, a console or a worker"
            )
            raise SealedError(msg) from None


def sealing_of(settings: Settings) -> Sealing:
    """How a process with these settings seals what it publishes, and opens what it reads.

    What is personal, and the key, are known in rooms above this one. They are found by name, as consumers are.

    Raises:
        AppError: an app, which may name patterns of its own, cannot be loaded.

    """

    @cache
    def key() -> bytes:
        try:
            found: bytes = importlib.import_module("orchestra.storage.secrets").vault_key(settings)
        except OSError as error:
            msg = f"there is no key for the journal: set ORCHESTRA_VAULT_KEY ({error})"
            raise SealedError(msg) from error
        return found

    if not settings.redact_at_rest:
        return Sealing(key)
    redaction = importlib.import_module("orchestra.telemetry.redaction").redaction_at_rest(settings)
    return Sealing(key, redaction.event, redaction.text)
