"""What a Redis server refuses, in words: its own, and what to do about it; said once a cause, not once a try."""

import time
from typing import Final

from redis.exceptions import RedisError

_SAY_AGAIN_S = 300.0

#: by the first word of the server's answer
_CURES: Final = {
    "OOM": "raise its maxmemory, or shorten ORCHESTRA_JOURNAL_RETENTION_S and ORCHESTRA_MEDIA_RETENTION_S",
    "MISCONF": "it cannot write its data to disk: make room there, its own log says more",
    "READONLY": "it is a replica: name its master in ORCHESTRA_REDIS_URL, or Sentinels by redis+sentinel://…",
    "NOAUTH": "put its password into ORCHESTRA_REDIS_URL",
    "WRONGPASS": "put the user and password that it knows now into ORCHESTRA_REDIS_URL",
    "NOPERM": "allow its user that by ACL SETUSER; `orchestra doctor` names all that is needed",
    "LOADING": "it is reading its data: wait",
}
#: by what it contains
_CURES_OF_PHRASES: Final = {
    "max number of clients": "raise its maxclients, or close other connections to it",
    "without any password configured": "take the password out of ORCHESTRA_REDIS_URL",
    "no password is set": "take the password out of ORCHESTRA_REDIS_URL",
    "DB index is out of range": "take the number of the database out of ORCHESTRA_REDIS_URL",
    "Hostname mismatch": "connect by a name that its certificate has, or add ?ssl_check_hostname=false",
    "IP address mismatch": "connect by a name that its certificate has, or add ?ssl_check_hostname=false",
    "CERTIFICATE_VERIFY_FAILED": "name the authority that signed its certificate: ?ssl_ca_certs=FILE",
    "CERTIFICATE_REQUIRED": "it asks for a certificate: ?ssl_certfile=FILE&ssl_keyfile=FILE",
    "WRONG_VERSION_NUMBER": "it does not speak TLS there: write redis: for rediss:",
}


def is_forbidden(text: str) -> bool:
    """Whether an answer says that this user may not run a command, as the servers tell it in a script or outside."""
    return text.startswith("NOPERM") or ran_in_part(text)


def ran_in_part(text: str) -> bool:
    """Whether a command was refused inside a script, which may have run up to there: it cannot be sent again."""
    return "ACL failure in script" in text or "The user executing the script can't" in text


def cause_of(text: str) -> str:
    """The kind of trouble, as a key of the cures; empty for a server that is just not there."""
    word = "NOPERM" if is_forbidden(text) else text.partition(" ")[0]
    return word if word in _CURES else next((phrase for phrase in _CURES_OF_PHRASES if phrase in text), "")


def describe_error(error: Exception) -> str:
    """What the server said, and what to do about it where that is known."""
    told = " ".join(str(error).split()) or repr(error)
    cause = cause_of(told)
    cure = _CURES.get(cause) or _CURES_OF_PHRASES.get(cause)
    return f"{told.rstrip('.')}: {cure}" if cure else told


class Outage:
    """What keeps a server from serving one who tries again and again: each cause is news once, and again much later."""

    def __init__(self) -> None:
        self._said: dict[str, float] = {}

    def is_news(self, error: RedisError) -> bool:
        """Whether this cause was not said yet, or long ago."""
        cause, now = cause_of(str(error)), time.monotonic()
        if now - self._said.get(cause, float("-inf")) < _SAY_AGAIN_S:
            return False
        self._said[cause] = now
        return True

    def over(self) -> None:
        """It serves again: whatever comes next is news."""
        self._said.clear()
