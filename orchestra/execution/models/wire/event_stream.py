"""Parses the bytes of an answer into JSON values: server-sent events, JSON lines, or one document.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import json
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from orchestra.errors import EngineError

#: maximum bytes of one event; no answer is longer
_LARGEST: Final = 4 * 1024**2
_SHOWN: Final = 120
_FIELDS = (b"event", b"id", b"retry")
_NOT_YET = object()


class EventStreamParser:
    """Takes bytes as they arrive, however they are split, and returns the complete values.

    Comments, empty events and words that are not JSON (``ping``) are ignored.

    Attributes:
        done: ``[DONE]`` has arrived, and nothing follows.

    """

    def __init__(self) -> None:
        self.done = False
        self._rest = b""
        self._pending = b""  # an incomplete value
        self._is_document = False
        self._stray = b""
        self._seen = False

    def feed(self, data: bytes) -> Iterator[Any]:
        """The values that are complete now.

        Raises:
            EngineError: the bytes are not JSON, or a value does not end.

        """
        data = self._rest + data
        if b"\r" in data:
            held = data.endswith(b"\r")  # perhaps half of a line break
            data = (data[:-1] if held else data).replace(b"\r\n", b"\n").replace(b"\r", b"\n") + b"\r" * held
        *lines, self._rest = data.split(b"\n")
        if len(self._rest) + len(self._pending) > _LARGEST:
            msg = f"an event is larger than {_LARGEST} bytes"
            raise EngineError(msg)
        for line in lines:
            yield from self._line(line)

    def end(self) -> Iterator[Any]:
        """The last values, at the end of the bytes.

        Raises:
            EngineError: the bytes are not JSON.

        """
        yield from self._line(self._rest.rstrip(b"\r"))
        self._rest = b""
        if self._pending and self._is_document:
            yield from self._whole(self._pending)
        yield from self._line(b"")
        if not self._seen and not self.done and self._stray:
            msg = f"the answer is not a stream: {self._stray[:_SHOWN].decode('utf-8', 'replace')!r}"
            raise EngineError(msg)

    def _line(self, line: bytes) -> Iterator[Any]:
        if self.done:
            return
        line = line.removeprefix(b"\xef\xbb\xbf")
        if not line.strip():
            self._broken_at_the_end()
        elif line.startswith(b"data:"):
            yield from self._data(line[5:].strip())
        elif self._is_document and self._pending:
            self._pending += b"\n" + line
            if line[:1] in {b"}", b"]"}:  # the end of an indented document
                yield from self._whole(self._pending)
        elif line.lstrip()[:1] in {b"{", b"["}:
            self._is_document = True
            yield from self._data(line.strip())
        elif not line.startswith(b":") and line.partition(b":")[0] not in _FIELDS:
            self._stray = self._stray or line.strip()

    def _data(self, data: bytes) -> Iterator[Any]:
        if data.startswith(b"[DONE]"):
            self.done = True
            self._pending = b""
        elif self._pending or data[:1] in {b"{", b"["}:
            yield from self._whole(self._pending + b"\n" + data if self._pending else data)
        elif data:
            self._stray = self._stray or data

    def _whole(self, data: bytes) -> Iterator[Any]:
        """The value, if it is complete; otherwise its bytes are kept."""
        value = _json(data)
        if value is _NOT_YET:
            self._pending = data
            return
        self._pending = b""
        self._seen = True
        yield value

    def _broken_at_the_end(self) -> None:
        if self._pending and not self._is_document:
            msg = f"an event is not valid JSON: {self._pending[:_SHOWN].decode('utf-8', 'replace')!r}"
            raise EngineError(msg)


def _json(data: bytes) -> Any:
    """The value; `_NOT_YET` if the bytes are not JSON."""
    try:
        return msgspec.json.decode(data)
    except (ValueError, RecursionError):
        pass  # surrogates, NaN, control characters: the standard library is less strict
    try:
        return json.loads(data.decode("utf-8", "replace"), strict=False)
    except RecursionError as error:
        msg = "an event is nested too deep"
        raise EngineError(msg) from error
    except ValueError:
        return _NOT_YET
