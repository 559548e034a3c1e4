"""SIP addresses as people write them: of lines, of callers, and of those who are to be called."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from orchestra.errors import RejectedError
from orchestra.voice.carriers.phone_number import check_number

_NUMBER = re.compile(r"\+[1-9][0-9]{1,14}")
#: `sip:user@host`, with or without port and transport; nothing that could change the meaning of a header
_ADDRESS = re.compile(
    r"(?P<scheme>sips?):(?P<user>[\w.+*#!~'()&=$,%-]{1,64})@(?P<host>[\w.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?:;transport=(?P<transport>udp|tcp|tls))?",
    re.ASCII,
)
_HOST = re.compile(
    r"<?sips?:(?:[^@\s<>]{1,128}@)?(?P<host>[\w.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::(?P<port>[0-9]{1,5}))?(?:[;?>]|$)",
    re.ASCII,
)
_IN_HEADER = re.compile(r"""(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<name>[^<"]*))\s*<(?P<uri>[^>]*)>|(?P<bare>[^;,\s]+)""")
_PLAIN = re.compile(r"[!-~]{1,64}")
_USER = re.compile(r"(?:sips?|tel):([^@;>?]+)")


@dataclass(frozen=True, slots=True)
class SipAddress:
    """A SIP address that can be called. ``port`` 0: that of the scheme; ``transport`` "": udp, or tls for sips."""

    user: str
    host: str
    port: int = 0
    transport: str = ""
    scheme: str = "sip"

    def __str__(self) -> str:
        """As it is dialled."""
        port = f":{self.port}" if self.port else ""
        transport = f";transport={self.transport}" if self.transport else ""
        return f"{self.scheme}:{self.user}@{self.host}{port}{transport}"


def parse_address(text: str) -> SipAddress:
    """Read ``sip:ann@pbx.example.com:5060;transport=tcp``.

    Raises:
        RejectedError: it is no such address.

    """
    found = _ADDRESS.fullmatch(text)
    port = int(found["port"] or 0) if found else 0
    if found is None or port > 65535:  # noqa: PLR2004 - the highest port
        msg = f"{text[:64]!r} is not a SIP address: write it as sip:ann@pbx.example.com"
        raise RejectedError(msg)
    return SipAddress(found["user"], found["host"], port, found["transport"] or "", found["scheme"])


def check_target(target: str) -> None:
    """See that this can be called: a telephone number (E.164) or a SIP address.

    Raises:
        RejectedError: it is neither.

    """
    if target.startswith(("sip:", "sips:")):
        parse_address(target)
    else:
        check_number(target)


def party(header: str) -> tuple[str, str]:
    """Who is named in a From, To or P-Asserted-Identity header: a number (E.164) or ``sip:user``, and the display name.

    Both are empty for somebody who stays anonymous.
    """
    found = _IN_HEADER.match(header.strip())
    if found is None:
        return "", ""
    found_user = _USER.match((found["uri"] or found["bare"] or "").strip())
    name = (found["quoted"] or found["name"] or "").replace("\\", "").strip()
    user = unquote(found_user[1]) if found_user is not None else ""
    if not _PLAIN.fullmatch(user) or user.lower() == "anonymous":
        return "", ""
    return (user if _NUMBER.fullmatch(user) else f"sip:{user}"), "".join(filter(str.isprintable, name))


def host_of(uri: str) -> tuple[str, int]:
    """Host and port of any SIP address, however it is written otherwise; port 0 where there is none.

    Raises:
        RejectedError: it is no such address.

    """
    found = _HOST.match(uri.strip())
    if found is None:
        msg = f"{uri[:64]!r} is not a SIP address"
        raise RejectedError(msg)
    return found["host"], int(found["port"] or 0)
