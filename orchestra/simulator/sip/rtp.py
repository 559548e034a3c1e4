"""The audio of one SIP call as RTP (RFC 3550) with key presses (RFC 4733), and the time of every packet.

The kernel stamps what comes in, so a busy event loop does not blur a measured delay.
"""

import asyncio
import contextlib
import random
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from orchestra.simulator.sip.sdp import KEYS, PCMU, Media

FRAME_SAMPLES = 160
_HEADER = struct.Struct("!BBHII")
_EVENT = struct.Struct("!BBH")
_TIMESPEC = struct.Struct("@qq")
#: Linux: the kernel adds the time at which a datagram came, as a `timespec` of CLOCK_REALTIME
_SO_TIMESTAMPNS = 35
_VERSION = 0x80
_MARKER, _END_OF_KEY = 0x80, 0x80
_KEY_NAMES = "0123456789*#ABCD"
_KEY_VOLUME = 10
_KEY_FRAMES, _KEY_ENDS = 5, 3
_LONGEST_PACKET = 2048


@dataclass(frozen=True, slots=True)
class HeardPacket:
    """A packet of audio as it came.

    Attributes:
        at_s: when, on the monotonic clock.
        sequence: its number, 0 to 65535.
        timestamp: in samples.
        payload_type: the codec.
        payload: coded audio.

    """

    at_s: float
    sequence: int
    timestamp: int
    payload_type: int
    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PressedKey:
    """A key that the other end pressed, when its first packet came, and how long it was held (in samples)."""

    at_s: float
    key: str
    samples: int


@dataclass(slots=True)
class Faults:
    """How this telephone misbehaves.

    Attributes:
        ack_after_s: it acknowledges the answer only then; None: never.
        silent: it sends no audio.
        lost: share of its packets that never arrive, 0 to 1.
        lost_at_once: how many in a row, where packets are lost.
        swap_every: every n-th packet comes after the one behind it.
        payload_type: of its audio, where it is not the negotiated one.

    """

    ack_after_s: float | None = 0.0
    silent: bool = False
    lost: float = 0.0
    lost_at_once: int = 1
    swap_every: int = 0
    payload_type: int | None = None


class RtpSession:
    """One RTP socket, from the offer to the end of the call. The caller of `send_audio` paces what it sends.

    Attributes:
        heard: the packets of audio that came.
        keys: the keys that the other end pressed.
        sent_s: when the last packet of audio was sent.

    """

    def __init__(
        self,
        host: str,
        faults: Faults,
        on_audio: Callable[[HeardPacket], None],
        on_key: Callable[[PressedKey], None],
    ) -> None:
        self._faults, self._on_audio, self._on_key = faults, on_audio, on_key
        self._socket = _bound(host)
        self.host, self.port = self._socket.getsockname()[:2]
        self.heard: list[HeardPacket] = []
        self.keys: list[PressedKey] = []
        self.sent_s = 0.0
        self.refused = 0
        self._remote: Media | None = None
        self._key_type = KEYS
        self._ssrc, self._sequence, self._timestamp = (random.getrandbits(bits) for bits in (32, 16, 32))
        self._marked = True
        self._keying: list[tuple[bytes, int]] = []
        self._kept_back: bytes | None = None
        self._key_began: dict[int, float] = {}
        self._losing = 0
        self._chance = random.Random(1)  # noqa: S311 - which packets are lost is the same every time
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self._readable)

    def connect(self, media: Media) -> None:
        """Send to there from now on."""
        self._remote = media
        self._key_type = KEYS if media.keys is None else media.keys

    @property
    def lost(self) -> int:
        """Packets of the other end that never came, by their numbers."""
        if not self.heard:
            return 0
        return (self.heard[-1].sequence - self.heard[0].sequence + 1) % 65536 - len(self.heard) % 65536

    async def send_audio(self, frame: bytes) -> None:
        """Send 20 ms of µ-law, or the next packet of the key that is being pressed."""
        if self._keying:
            payload, timestamp = self._keying.pop(0)
            self._send(self._key_type, payload, timestamp)
        else:
            kind = PCMU if self._faults.payload_type is None else self._faults.payload_type
            self.sent_s = time.monotonic()
            self._send(kind, frame, self._timestamp)
        self._timestamp = (self._timestamp + FRAME_SAMPLES) & 0xFFFFFFFF

    def lose_audio(self) -> None:
        """Let 20 ms of audio, or a packet of the key that is being pressed, be lost: its number was given, and time."""
        if self._keying:
            self._keying.pop(0)
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._timestamp = (self._timestamp + FRAME_SAMPLES) & 0xFFFFFFFF

    def press(self, key: str) -> None:
        """Press a key: it takes the place of the audio for 100 ms, and its end is sent three times."""
        number, held = _KEY_NAMES.index(key), len(self._keying)
        began = (self._timestamp + held * FRAME_SAMPLES) & 0xFFFFFFFF
        frames = [*range(1, _KEY_FRAMES + 1), *[_KEY_FRAMES + 1] * _KEY_ENDS]
        for at, frame in enumerate(frames):
            flags = _KEY_VOLUME | (_END_OF_KEY if at >= _KEY_FRAMES else 0)
            self._keying.append((_EVENT.pack(number, flags, frame * FRAME_SAMPLES), began))

    @property
    def pressing(self) -> bool:
        """Whether a key is still being sent."""
        return bool(self._keying)

    def close(self) -> None:
        """Close the socket."""
        with contextlib.suppress(ValueError):
            self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def _send(self, kind: int, payload: bytes, timestamp: int) -> None:
        marker, self._marked = _MARKER if self._marked else 0, False
        packet = _HEADER.pack(_VERSION, marker | kind, self._sequence, timestamp, self._ssrc) + payload
        self._sequence = (self._sequence + 1) & 0xFFFF
        if self._faults.silent or self._loses():
            return
        if self._faults.swap_every and self._sequence % self._faults.swap_every == 0 and self._kept_back is None:
            self._kept_back = packet
            return
        self._put(packet)
        if self._kept_back is not None:
            late, self._kept_back = self._kept_back, None
            self._put(late)

    def _loses(self) -> bool:
        """Whether this packet is lost."""
        if not self._losing and self._chance.random() < self._faults.lost / self._faults.lost_at_once:
            self._losing = self._faults.lost_at_once
        if self._losing:
            self._losing -= 1
            return True
        return False

    def _put(self, packet: bytes) -> None:
        if self._remote is None or not self._remote.port:
            return
        try:
            self._socket.sendto(packet, (self._remote.host, self._remote.port))
        except OSError:  # ICMP says that nobody listens there any more
            self.refused += 1

    def _readable(self) -> None:
        while True:
            try:
                packet, extra, _, _ = self._socket.recvmsg(_LONGEST_PACKET, 64)
            except BlockingIOError:
                return
            except OSError:
                self.refused += 1
                return
            self._take(packet, _arrival_s(extra))

    def _take(self, packet: bytes, at_s: float) -> None:
        if len(packet) < _HEADER.size or packet[0] & 0xC0 != _VERSION:
            return
        first, kind, sequence, timestamp, _ = _HEADER.unpack_from(packet)
        payload = packet[_HEADER.size + 4 * (first & 0x0F) :]
        kind &= ~_MARKER
        if kind == self._key_type and len(payload) >= _EVENT.size:
            self._take_key(payload, timestamp, at_s)
        elif not 72 <= kind <= 76:  # noqa: PLR2004 - RTCP on the same port (RFC 5761)
            heard = HeardPacket(at_s, sequence, timestamp, kind, payload)
            self.heard.append(heard)
            self._on_audio(heard)

    def _take_key(self, payload: bytes, timestamp: int, at_s: float) -> None:
        number, flags, samples = _EVENT.unpack_from(payload)
        began_s = self._key_began.setdefault(timestamp, at_s)
        if flags & _END_OF_KEY and began_s >= 0:
            self.keys.append(PressedKey(began_s, _KEY_NAMES[number & 0x0F], samples))
            self._on_key(self.keys[-1])
            self._key_began[timestamp] = -1.0  # its end comes three times


def _bound(host: str) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    bound.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    bound.setblocking(False)
    bound.bind((host, 0))
    return bound


def _arrival_s(extra: list[tuple[int, int, bytes]]) -> float:
    """When the datagram came, on the monotonic clock."""
    for level, kind, stamp in extra:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = _TIMESPEC.unpack_from(stamp)
            ago_s: float = time.time() - (seconds + nanoseconds / 1e9)
            return time.monotonic() - max(ago_s, 0.0)
    return time.monotonic()
