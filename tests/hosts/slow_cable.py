"""A cable that delays frames and loses some: ``python -m tests.hosts.slow_cable ONE OTHER DELAY_S LOSS``.

It passes every Ethernet frame that arrives at one interface on to the other one, in both directions.
"""

import contextlib
import random
import select
import socket
import sys
import time
from collections import deque

_ANY_PROTOCOL = 0x0003  # ETH_P_ALL
_LARGEST = 65_536


def _open(interface: str) -> socket.socket:
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ANY_PROTOCOL))
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
    made.bind((interface, 0))
    made.setblocking(False)
    return made


def _arrived(at: socket.socket) -> bytes:
    """The next frame that came over the cable; empty: there is none, or it is one that we sent ourselves."""
    try:
        frame, (_, _, kind, _, _) = at.recvfrom(_LARGEST)
    except BlockingIOError:
        return b""
    return b"" if kind == socket.PACKET_OUTGOING else frame


def main(one_name: str, other_name: str, delay_s: float, loss: float) -> None:
    """Pass frames on until the process is ended."""
    one, other = _open(one_name), _open(other_name)
    chance = random.Random(1)
    under_way: deque[tuple[float, socket.socket, bytes]] = deque()
    while True:
        wait_s = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
        readable, _, _ = select.select([one, other], [], [], wait_s)
        for at in readable:
            frame = _arrived(at)
            if frame and chance.random() >= loss:
                under_way.append((time.monotonic() + delay_s, other if at is one else one, frame))
        while under_way and under_way[0][0] <= time.monotonic():
            _, to, frame = under_way.popleft()
            with contextlib.suppress(BlockingIOError):  # it is full, and loses this one
                to.send(frame)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4]))
