"""The Lua scripts of the bus; every connection loads them when it opens."""

import hashlib
from importlib.resources import files
from typing import Final

#: where a user may not run SCRIPT LOAD, running a script without keys loads it, and does nothing
_LOAD_ONLY = "if #KEYS == 0 then return {} end"


class Script:
    """A script's text and the SHA-1 by which EVALSHA calls it.

    Unless it ``grows`` the data, it also runs when the server's memory is full: leases have to be renewed and entries
    acknowledged, or nothing could ever be trimmed. Only what producers publish has to wait.
    """

    def __init__(self, name: str, *, grows: bool = False) -> None:
        flags = "" if grows else " flags=allow-oom"
        body = files(__package__).joinpath(f"{name}.lua").read_text(encoding="utf-8")
        self.text: Final = f"#!lua{flags}\n{_LOAD_ONLY}\n{body}"
        self.sha: Final = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest().encode()


COMMIT = Script("commit")
PUBLISH = Script("publish", grows=True)
#: for the last events of a producer that closes: also when the memory is full
PUBLISH_ANYWAY = Script("publish")
ACQUIRE = Script("acquire")
RENEW = Script("renew")
MEMBER = Script("member")
PRESENCE = Script("presence")
REQUEUE = Script("requeue")
TRIM = Script("trim")
GROUP = Script("group")
RAISE = Script("raise")
#: also when the memory is full: what is in a queue is no longer needed on the journal
QUEUE_ADD = Script("queue_add")
QUEUE_TAKE = Script("queue_take")
OF_CALLS = Script("of_calls")
REWRITE_STREAM = Script("rewrite_stream", grows=True)

ALL = (
    COMMIT, PUBLISH, PUBLISH_ANYWAY, ACQUIRE, RENEW, MEMBER, PRESENCE, REQUEUE, TRIM, GROUP, RAISE, QUEUE_ADD,
    QUEUE_TAKE, OF_CALLS, REWRITE_STREAM,
)  # fmt: skip
