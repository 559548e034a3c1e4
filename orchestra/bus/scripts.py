"""The Lua scripts of the bus, by name; every connection loads them when it opens."""

import hashlib
from importlib.resources import files
from typing import Final


class Script:
    """A script's text and the SHA-1 by which EVALSHA calls it."""

    def __init__(self, name: str) -> None:
        self.text: Final = files(__package__).joinpath(f"{name}.lua").read_text(encoding="utf-8")
        self.sha: Final = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest().encode()


COMMIT = Script("commit")
PUBLISH = Script("publish")
ACQUIRE = Script("acquire")
RENEW = Script("renew")
MEMBER = Script("member")
REQUEUE = Script("requeue")
TRIM = Script("trim")

ALL = (COMMIT, PUBLISH, ACQUIRE, RENEW, MEMBER, REQUEUE, TRIM)
