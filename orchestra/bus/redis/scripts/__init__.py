"""The Lua scripts of the bus, by name; every connection loads them when it opens."""

import hashlib
from importlib.resources import files
from typing import Final

#: where a user may not say SCRIPT LOAD, running a script without keys loads it: it has nothing to do then
_MERELY_LOADED = "if #KEYS == 0 then return {} end"


class Script:
    """A script's text and the SHA-1 by which EVALSHA calls it.

    Unless ``grows``, it also runs where the server's memory is full: leases must not end, and what is handled must be
    told, or nothing could ever be trimmed. What producers publish has to wait then.
    """

    def __init__(self, name: str, *, grows: bool = False) -> None:
        flags = "" if grows else " flags=allow-oom"
        body = files(__package__).joinpath(f"{name}.lua").read_text(encoding="utf-8")
        self.text: Final = f"#!lua{flags}\n{_MERELY_LOADED}\n{body}"
        self.sha: Final = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest().encode()


COMMIT = Script("commit")
PUBLISH = Script("publish", grows=True)
#: the last that a producer has to say
PUBLISH_ANYWAY = Script("publish")
ACQUIRE = Script("acquire")
RENEW = Script("renew")
MEMBER = Script("member")
REQUEUE = Script("requeue")
TRIM = Script("trim")
GROUP = Script("group")

ALL = (COMMIT, PUBLISH, PUBLISH_ANYWAY, ACQUIRE, RENEW, MEMBER, REQUEUE, TRIM, GROUP)
