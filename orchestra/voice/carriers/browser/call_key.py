"""The page's key of its call, which is the carrier's id of it: random, with the line and whose page it is.

Tokens and proofs are bound to it, so a page can change nothing of it. ``site-5f3a…-help`` is a call of the line "help"
from a page of a web site, ``local-5f3a…-`` one from a page of this machine.
"""

import re
import secrets

_SITE, _LOCAL = "site", "local"
#: no hyphen, which divides the parts
_LINE = re.compile(r"[0-9A-Za-z_.+:@]{0,64}")


def is_line(name: str) -> bool:
    """Whether this can be the name of a line; "" is the edge's only one."""
    return _LINE.fullmatch(name) is not None


def new_call_key(line: str, *, of_site: bool) -> str:
    """The key of a new call.

    Raises:
        ValueError: that cannot be the name of a line.

    """
    if not is_line(line):
        msg = f"{line[:64]!r} cannot be the name of a line"
        raise ValueError(msg)
    return f"{_SITE if of_site else _LOCAL}-{secrets.token_hex(16)}-{line}"


def line_of(call_key: str) -> str:
    """The line that was called; "" for none."""
    return call_key.rpartition("-")[2]


def is_of_site(call_key: str) -> bool:
    """Whether a page of a web site has the call: it is told less than one of this machine."""
    return not call_key.startswith(f"{_LOCAL}-")
