"""Ports for servers that cannot be told to take any: as free as one can know."""

import contextlib
import random
import socket

HOST = "127.0.0.1"
#: the kernel gives ports out from 32768 on; below, nobody takes one by chance
_LOWEST, _HIGHEST = 12_000, 30_000


def free_ports(count: int, host: str = HOST) -> int:
    """The first of so many ports in a row that are free for UDP and TCP at the moment; it is even."""
    while True:
        first = 2 * random.randrange(_LOWEST // 2, _HIGHEST // 2)
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(first, first + count):
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    stack.enter_context(socket.socket(socket.AF_INET, kind)).bind((host, port))
            return first
