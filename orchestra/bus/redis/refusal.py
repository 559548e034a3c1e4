"""Errors of a Redis server in words, with what to do about them, logged once per cause and not once per try."""

import time
from typing import Final

from redis.exceptions import OutOfMemoryError, RedisError

_LOG_AGAIN_S = 300.0

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
#: by a phrase in the server's answer
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
    """Whether an error says that this user may not run a command, inside a script or outside."""
    return text.startswith("NOPERM") or ran_in_part(text)


def ran_in_part(text: str) -> bool:
    """Whether a command was refused inside a script, which may have run up to there: it must not be sent again."""
    return "ACL failure in script" in text or "The user executing the script can't" in text


def cause_of(text: str) -> str:
    """The cause of an error, as a key of the cures; empty if the server just cannot be reached."""
    word = "NOPERM" if is_forbidden(text) else text.partition(" ")[0]
    return word if word in _CURES else next((phrase for phrase in _CURES_OF_PHRASES if phrase in text), "")


def is_out_of_memory(error: Exception) -> bool:
    """Whether a server refused to write because its memory is full."""
    return isinstance(error, OutOfMemoryError) or (isinstance(error, RedisError) and cause_of(str(error)) == "OOM")


def describe_error(error: Exception) -> str:
    """What the server said and, if that is known, what to do about it."""
    message = " ".join(str(error).split()) or repr(error)
    cause = cause_of(message)
    cure = _CURES.get(cause) or _CURES_OF_PHRASES.get(cause)
    return f"{message.rstrip('.')}: {cure}" if cure else message


class Outage:
    """Decides whether to log an error while something is tried again and again: once per cause, and every 5 minutes."""

    def __init__(self) -> None:
        self._logged: dict[str, float] = {}

    def should_log(self, error: RedisError) -> bool:
        """Whether to log this error: its cause was not logged yet, or long ago."""
        cause, now = cause_of(str(error)), time.monotonic()
        if now - self._logged.get(cause, float("-inf")) < _LOG_AGAIN_S:
            return False
        self._logged[cause] = now
        return True

    def reset(self) -> None:
        """The server works again: log the next error of any cause."""
        self._logged.clear()
