"""The stack's own queues of a call's audio, of which its Python interface says nothing: their lengths, and new ones.

Each time that the thread behind a queue finds it empty (it was late, or the thread before it was), one frame more stays
in it for good: what the agent says comes that much later, and so does the silence after an interruption; of the queue
of what is received, what the caller says. With real-time priority on a machine with time to spare that still happens
every few minutes. Where a queue has grown, the call's audio is stopped and started again in the stack, which takes
some 60 ms. All of it uses the C interface of the pinned version, under the lock of its thread.

Tried, and of no use: hold and resume, ``flush_tx``, another audio source (it made the queue longer).
"""

import ctypes
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import NamedTuple

#: the first queue in `audio_debug` is the one of what is sent, the second that of what is received
_QUEUED = re.compile(rb"aubuf:.*?\(cur ([0-9.]+)ms", re.DOTALL)
_SYMBOLS = (
    "re_thread_enter",
    "re_thread_leave",
    "uag_call_find",
    "call_audio",
    "audio_debug",
    "audio_stop",
    "audio_update",
)
_Write = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_char), ctypes.c_size_t, ctypes.c_void_p)


class _Printer(ctypes.Structure):
    """``struct re_printf``: where text goes."""

    _fields_ = (("write", _Write), ("argument", ctypes.c_void_p))


class Queued(NamedTuple):
    """How much audio of a call waits in the stack, in ms; ``from_telephone`` is None until something was received."""

    to_telephone: float
    from_telephone: float | None


class StackQueues:
    """The queues of all calls, by their SIP Call-ID.

    Attributes:
        known: whether this version of the stack lets us see them.

    """

    def __init__(self) -> None:
        native = find_spec("baresip._native")
        self._stack = ctypes.CDLL(native.origin if native is not None else None)
        self.known = all(hasattr(self._stack, name) for name in _SYMBOLS)
        if not self.known:
            return
        for find, given in (("uag_call_find", ctypes.c_char_p), ("call_audio", ctypes.c_void_p)):
            function = getattr(self._stack, find)
            function.restype, function.argtypes = ctypes.c_void_p, (given,)
        self._stack.audio_debug.argtypes = (ctypes.POINTER(_Printer), ctypes.c_void_p)
        self._stack.audio_stop.argtypes = self._stack.audio_update.argtypes = (ctypes.c_void_p,)
        self._stack.audio_stop.restype = None

    def queued(self, call_id: str) -> Queued | None:
        """How much is queued for a call; None where there is no such call, or it cannot be seen."""
        written: list[bytes] = []

        def write(text: ctypes.Array[ctypes.c_char], size: int, _: None) -> int:
            written.append(ctypes.string_at(text, size))
            return 0

        printer = _Printer(_Write(write), None)

        with self._audio_of(call_id) as audio:
            if audio is not None:
                self._stack.audio_debug(ctypes.byref(printer), audio)
        return queued_in(b"".join(written))

    def renew(self, call_id: str) -> bool:
        """Stop and start the call's audio, with queues that are empty. It takes the time of some frames."""
        with self._audio_of(call_id) as audio:
            if audio is None:
                return False
            self._stack.audio_stop(audio)
            return bool(self._stack.audio_update(audio) == 0)

    @contextmanager
    def _audio_of(self, call_id: str) -> Iterator[int | None]:
        """The audio of a call, which cannot end while the block runs."""
        if not self.known:
            yield None
            return
        self._stack.re_thread_enter()
        try:
            call = self._stack.uag_call_find(call_id.encode())
            yield self._stack.call_audio(call) if call else None
        finally:
            self._stack.re_thread_leave()


def queued_in(debug: bytes) -> Queued | None:
    """What the stack's account of a call's audio says. It has a queue for what is received once something was."""
    found = [float(each) for each in _QUEUED.findall(debug)]
    return Queued(found[0], found[1] if len(found) > 1 else None) if found else None
