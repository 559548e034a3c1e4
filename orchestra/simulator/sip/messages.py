"""SIP messages and their headers (RFC 3261), read strictly: what breaks the grammar is an error of the other end."""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

from orchestra.errors import RejectedError

#: RFC 3261 §7.3.3 and §20, RFC 3515, RFC 3891
_COMPACT = {
    "v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length", "c": "content-type",
    "k": "supported", "s": "subject", "e": "content-encoding", "r": "refer-to", "b": "referred-by",
}  # fmt: skip
_REQUIRED = ("via", "from", "to", "call-id", "cseq")
_REQUEST_LINE = re.compile(r"([A-Z]+) (sips?:\S+|tel:\S+) SIP/2\.0")
_STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6]\d\d) (.*)")
_HEADER = re.compile(r"([A-Za-z0-9.!%*_+`'~-]+)[ \t]*:[ \t]*(.*)", re.DOTALL)
_SENT = {name: "-".join(part.capitalize() for part in name.split("-")) for name in _COMPACT.values()}
_SENT |= {"call-id": "Call-ID", "cseq": "CSeq"}

Headers = list[tuple[str, str]]


@dataclass(kw_only=True)
class Message:
    """What requests and responses have in common; names of headers are lower case, and written out."""

    headers: Headers = field(default_factory=list)
    body: str = ""

    @property
    def start(self) -> str:
        """The first line."""
        raise NotImplementedError

    def get(self, name: str) -> str:
        """The first header of this name; empty where there is none."""
        return next((value for given, value in self.headers if given == name), "")

    def every(self, name: str) -> list[str]:
        """All headers of this name, in their order."""
        return [value for given, value in self.headers if given == name]

    @property
    def call_id(self) -> str:
        """The dialog's Call-ID."""
        return self.get("call-id")

    @property
    def cseq(self) -> int:
        """The number of the request."""
        return int(self.get("cseq").split()[0])

    @property
    def cseq_method(self) -> str:
        """The method of the request, also in its responses."""
        return self.get("cseq").split()[1]

    @property
    def branch(self) -> str:
        """What identifies the transaction: the branch of the first Via."""
        return parameter(self.get("via"), "branch")

    def encode(self) -> bytes:
        """As it is sent."""
        body = self.body.encode()
        lines = [self.start, *(f"{_SENT.get(name, name.title())}: {value}" for name, value in self.headers)]
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


@dataclass(kw_only=True)
class Request(Message):
    """A request."""

    method: str
    uri: str

    @property
    def start(self) -> str:
        """The request line."""
        return f"{self.method} {self.uri} SIP/2.0"

    def response(self, status: int, reason: str, *, to_tag: str = "", body: str = "", more: Headers = ()) -> "Response":  # type: ignore[assignment]
        """A response to this request (RFC 3261 §8.2.6)."""
        copied = [(name, value) for name, value in self.headers if name in {*_REQUIRED, "record-route"}]
        if to_tag and not parameter(self.get("to"), "tag"):
            copied = [(name, f"{value};tag={to_tag}" if name == "to" else value) for name, value in copied]
        return Response(status=status, reason=reason, headers=[*copied, *more], body=body)


@dataclass(kw_only=True)
class Response(Message):
    """A response."""

    status: int
    reason: str = ""

    @property
    def start(self) -> str:
        """The status line."""
        return f"SIP/2.0 {self.status} {self.reason}"


def parse_message(data: bytes) -> Request | Response:
    """Read a whole message.

    Raises:
        RejectedError: it is not one, or it lacks what every message has.

    """
    head, separator, body = data.partition(b"\r\n\r\n")
    try:
        first, *lines = re.sub(r"\r\n[ \t]+", " ", head.decode()).split("\r\n")
        text = body.decode()
    except UnicodeDecodeError:
        raise RejectedError(f"not a SIP message, but {data[:40]!r}") from None  # noqa: EM102, TRY003
    headers = [_header(line) for line in lines]
    names = [name for name, _ in headers]
    if not separator or any(names.count(name) < 1 for name in _REQUIRED):
        msg = f"the SIP message {first[:60]!r} lacks one of {', '.join(_REQUIRED)}"
        raise RejectedError(msg)
    length = dict(headers).get("content-length", "")
    if length and length != str(len(body)):
        msg = f"the SIP message {first[:60]!r} says that its body has {length} bytes: it has {len(body)}"
        raise RejectedError(msg)
    kept = [(name, value) for name, value in headers if name != "content-length"]
    if found := _REQUEST_LINE.fullmatch(first):
        message: Request | Response = Request(method=found[1], uri=found[2], headers=kept, body=text)
        if message.cseq_method != found[1]:
            msg = f"the CSeq of a {found[1]} names {message.cseq_method}"
            raise RejectedError(msg)
        return message
    if found := _STATUS_LINE.fullmatch(first):
        return Response(status=int(found[1]), reason=found[2], headers=kept, body=text)
    msg = f"no SIP message begins with {first[:60]!r}"
    raise RejectedError(msg)


def _header(line: str) -> tuple[str, str]:
    found = _HEADER.fullmatch(line)
    if found is None:
        msg = f"not a SIP header: {line[:60]!r}"
        raise RejectedError(msg)
    name, value = found[1].lower(), found[2].strip()
    if name == "cseq" and not re.fullmatch(r"\d+\s+[A-Z]+", value):
        msg = f"not a CSeq: {value[:60]!r}"
        raise RejectedError(msg)
    return _COMPACT.get(name, name), value


def parameter(header: str, name: str) -> str:
    """A parameter of a header (``tag``, ``branch``), not of the address in it."""
    _, _, outside = header.rpartition(">")
    found = re.search(rf";\s*{re.escape(name)}\s*=\s*\"?([^;,\s\"]+)", outside or header, re.IGNORECASE)
    return found[1] if found else ""


def address(header: str) -> str:
    """The URI of a header that holds an address."""
    found = re.search(r"<([^>]+)>", header)
    return found[1] if found else header.partition(";")[0].strip()


def user_of(uri: str) -> str:
    """The user of a URI; the number of a ``tel:``."""
    found = re.match(r"(?:sips?:(?:([^@;?>]+)@)?|tel:([^;?>]+))", uri)
    return (found[1] or found[2] or "") if found else ""


def host_of(uri: str) -> tuple[str, int, str]:
    """Host, port and transport of a SIP URI.

    Raises:
        RejectedError: it names no host.

    """
    found = re.match(r"(sips?):(?:[^@;?]*@)?(\[[^\]]+\]|[^:;?>\s]+)(?::(\d+))?([^?]*)", uri)
    if found is None:
        msg = f"no SIP address: {uri[:60]!r}"
        raise RejectedError(msg)
    transport = re.search(r";transport=(\w+)", found[4], re.IGNORECASE)
    chosen = transport[1].lower() if transport else "udp"
    return found[2].strip("[]"), int(found[3] or (5061 if found[1] == "sips" or chosen == "tls" else 5060)), chosen


def new_tag() -> str:
    """A tag, or any other random token."""
    return secrets.token_hex(8)


def new_branch() -> str:
    """The branch of a new transaction."""
    return "z9hG4bK" + secrets.token_hex(10)


def split_stream(buffer: bytearray) -> Iterable[bytes]:
    """Take the whole messages from the beginning of a byte stream (RFC 3261 §18.3); keep-alives are skipped.

    Raises:
        RejectedError: a message on a stream does not say how long its body is.

    """
    while True:
        del buffer[: len(buffer) - len(buffer.lstrip(b"\r\n"))]
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        found = re.search(rb"\r\n(?:content-length|l)[ \t]*:[ \t]*(\d+)", bytes(buffer[:end]), re.IGNORECASE)
        if found is None:
            msg = "a SIP message over TCP has no Content-Length"
            raise RejectedError(msg)
        whole = end + 4 + int(found[1])
        if len(buffer) < whole:
            return
        yield bytes(buffer[:whole])
        del buffer[:whole]
