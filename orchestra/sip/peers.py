"""Who may reach the gateway's sockets: packets of anybody else are dropped by the kernel, unanswered and counted.

The SIP stack answers whoever asks, and does not say from which address a request came. So the networks that may call
are a socket filter (``SO_ATTACH_FILTER``, socket(7)) on its listening sockets: a scanner gets nothing, not even a
closed port, and its flood costs this process nothing.
"""

import ctypes
import os
import socket
import struct
import sys
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

_SO_ATTACH_FILTER, _SO_MEMINFO = 26, 55
#: the place of ``SK_MEMINFO_DROPS`` among the numbers of SO_MEMINFO
_DROPS = 8
#: linux/filter.h: load a word, and with, jump if equal, return
_LOAD, _AND, _JUMP_EQUAL, _RETURN = 0x20, 0x54, 0x15, 0x06
#: offset of the network header, and of the source address in it
_NETWORK_HEADER, _SOURCE_4, _SOURCE_6 = -0x100000, 12, 8
_EVERYTHING = 0xFFFFFFFF

Network = IPv4Network | IPv6Network
_Instruction = tuple[int, int, int, int]


def parse_networks(text: str) -> list[Network]:
    """The networks of a setting: ``10.0.0.0/8,192.0.2.7``."""
    return [ip_network(part.strip()) for part in text.split(",") if part.strip()]


def filter_program(networks: Iterable[Network], version: int) -> list[_Instruction]:
    """The program that accepts packets from these networks, for sockets of this version of IP, and drops all others."""
    program: list[_Instruction] = []
    start = _SOURCE_4 if version == 4 else _SOURCE_6  # noqa: PLR2004 - of IP
    for network in networks:
        if network.version != version:
            continue
        address, mask = network.network_address.packed, network.netmask.packed
        words = [place for place in range(0, len(mask), 4) if any(mask[place : place + 4])]
        for number, place in enumerate(words):
            of_mask, of_address = (struct.unpack_from("!I", part, place)[0] for part in (mask, address))
            to_next = 3 * (len(words) - number - 1) + 1
            program += [
                (_LOAD, 0, 0, (_NETWORK_HEADER + start + place) & _EVERYTHING),
                (_AND, 0, 0, of_mask),
                (_JUMP_EQUAL, 0, to_next, of_address),
            ]
        program.append((_RETURN, 0, 0, _EVERYTHING))
    return [*program, (_RETURN, 0, 0, 0)]


class SocketFilter:
    """The filter on those sockets of this process that listen on certain ports.

    Args:
        ports: of SIP.

    """

    def __init__(self, ports: Iterable[int]) -> None:
        self._sockets = list(_listening(frozenset(ports))) if sys.platform == "linux" else []

    @property
    def works(self) -> bool:
        """Whether there are sockets that can be filtered: only Linux can."""
        return bool(self._sockets)

    @property
    def dropped(self) -> int:
        """Packets that were dropped so far, as the kernel counts them."""
        return sum(_drops(each) for each in self._sockets)

    def allow(self, networks: Iterable[Network]) -> None:
        """Accept packets from these networks only, from now on."""
        given = list(networks)
        for each in self._sockets:
            program = filter_program(given, 6 if each.family == socket.AF_INET6 else 4)
            packed = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
            each.setsockopt(
                socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(program), ctypes.addressof(packed))
            )

    def close(self) -> None:
        """Close our handles of the sockets."""
        for each in self._sockets:
            each.close()


def _listening(ports: frozenset[int]) -> Iterable[socket.socket]:
    seen = set()
    for handle in list(Path("/proc/self/fd").iterdir()):
        try:
            kind = str(handle.readlink())
            # a handle that was closed since it was listed may be one of ours by now: each socket once
            if not kind.startswith("socket:") or kind in seen:
                continue
            each = socket.socket(fileno=os.dup(int(handle.name)))
        except OSError:  # closed meanwhile
            continue
        seen.add(kind)
        if _is_open(each) and each.getsockname()[1] in ports:
            yield each
        else:
            each.close()


def _is_open(each: socket.socket) -> bool:
    """Whether anybody can send to it: UDP, or TCP that listens."""
    if each.family not in (socket.AF_INET, socket.AF_INET6):
        return False
    return each.type == socket.SOCK_DGRAM or bool(each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def _drops(each: socket.socket) -> int:
    counted = each.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 4 * (_DROPS + 1))
    return int(struct.unpack_from("I", counted, 4 * _DROPS)[0]) if len(counted) > 4 * _DROPS else 0
