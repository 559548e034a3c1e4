"""Finds the addresses of a webhook's host, and refuses those of the networks that this machine is in.

A URL of a customer's must not reach what only this machine can reach: databases, the metadata service of a cloud. The
address that is checked is the one that is connected to, so a name cannot lead elsewhere in between (DNS rebinding).
"""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from orchestra.errors import PrivateAddressError

Address = IPv4Address | IPv6Address

#: IPv6 addresses that stand for an IPv4 address in their last four bytes (RFC 6052), or in bytes 2 to 5 (RFC 3056)
_NAT64, _6TO4 = IPv6Network("64:ff9b::/96"), IPv6Network("2002::/16")
#: public by its number, and the metadata service of Azure's machines (learn.microsoft.com, "What is IP 168.63.129.16?")
_AZURE = IPv4Address("168.63.129.16")


def is_public(address: Address) -> bool:
    """Whether an address is one of the internet: not private, loopback, link-local, reserved or multicast."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in _NAT64:
            return is_public(IPv4Address(address.packed[12:]))
        if address in _6TO4:
            return is_public(IPv4Address(address.packed[2:6]))
    return address.is_global and not address.is_multicast and address != _AZURE


async def allowed_addresses(host: str, port: int, *, private: bool, threads: ThreadPoolExecutor) -> list[str]:
    """The addresses of a host that may be connected to, the preferred one first.

    Args:
        host: a name or an address.
        port: where it is to be connected to.
        private: whether addresses of private networks may be connected to.
        threads: where the name is looked up; a resolver that hangs holds a thread of it.

    Raises:
        PrivateAddressError: it has none.
        OSError: its name cannot be resolved.

    """
    try:
        found = [ip_address(host)]
    except ValueError:
        look_up = asyncio.get_running_loop().run_in_executor
        rows = await look_up(threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        found = list(dict.fromkeys(ip_address(str(row[4][0]).partition("%")[0]) for row in rows))
    allowed = [str(address) for address in found if private or is_public(address)]
    if not allowed:
        msg = (
            f"{host} is {found[0] if found else 'nowhere'}, an address of a private network: webhooks go there only"
            " with ORCHESTRA_WEBHOOKS_PRIVATE=true"
        )
        raise PrivateAddressError(msg)
    return allowed
