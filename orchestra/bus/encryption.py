"""AES-256-GCM for what the streams must not hold in clear: bound to its place, so that it is nowhere else of use."""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

#: bytes of the number that no two encryptions with a key share, before the encrypted data (NIST SP 800-38D)
_NONCE: Final = 12


def encrypt(cipher: AESGCM, data: bytes, place: str) -> bytes:
    """The data for one place: whoever decrypts it has to name the same."""
    nonce = os.urandom(_NONCE)
    return nonce + cipher.encrypt(nonce, data, place.encode())


def decrypt(cipher: AESGCM, encrypted: bytes, place: str) -> bytes:
    """What `encrypt` was given.

    Raises:
        cryptography.exceptions.InvalidTag: it was encrypted with another key or for another place, or was changed.

    """
    if len(encrypted) <= _NONCE:
        raise InvalidTag
    return cipher.decrypt(encrypted[:_NONCE], encrypted[_NONCE:], place.encode())
