"""Where a call goes: numbers to the trunk, SIP addresses to their host if it is one of those that may call us.

So neither an agent nor a telephone that asks for a transfer can have the gateway call whomever on the internet.
"""

import asyncio
import socket
from ipaddress import ip_address, ip_network

from orchestra.errors import CarrierError, SettingError
from orchestra.settings import Settings
from orchestra.sip.peers import Network, parse_networks
from orchestra.voice.carriers.phone_number import check_number
from orchestra.voice.carriers.sip.addresses import SipAddress, parse_address

_RESOLVED_WITHIN_S = 5.0


class DialPlan:
    """The dial plan of the settings.

    Raises:
        RejectedError: a setting is not a SIP address.

    """

    def __init__(self, settings: Settings) -> None:
        self.registrar = parse_address(settings.sip_register) if settings.sip_register else None
        self.trunk = parse_address(f"sip:trunk@{settings.sip_trunk}") if settings.sip_trunk else self.registrar
        self._allowed = parse_networks(settings.sip_allow)
        self.networks: list[Network] = list(self._allowed)

    async def refresh(self) -> list[Network]:
        """The networks that may reach us: those that are allowed, and the addresses of registrar and trunk now."""
        ours = {each.host for each in (self.registrar, self.trunk) if each is not None}
        found = [network for host in sorted(ours) for network in await resolve(host)]
        self.networks = [*self._allowed, *found]
        return self.networks

    async def target(self, to: str) -> SipAddress:
        """The address that is dialled for a number (E.164) or a SIP address.

        Raises:
            RejectedError: that is neither.
            SettingError: there is no trunk for numbers.
            CarrierError: the host is not one that may be called.

        """
        if not to.startswith(("sip:", "sips:")):
            check_number(to)
            if self.trunk is None:
                msg = "there is no trunk for numbers: set ORCHESTRA_SIP_REGISTER or ORCHESTRA_SIP_TRUNK"
                raise SettingError(msg)
            return SipAddress(to, self.trunk.host, self.trunk.port, self.trunk.transport)
        address = parse_address(to)
        if self.trunk is not None and address.host == self.trunk.host:
            return address
        reached = await resolve(address.host)
        if not reached or not all(any(_within(each, network) for network in self.networks) for each in reached):
            msg = f"{address.host} is not among the hosts that may be called: ORCHESTRA_SIP_ALLOW says which"
            raise CarrierError(msg)
        return address


async def resolve(host: str) -> list[Network]:
    """The addresses of a host; none where it has none."""
    bare = host.strip("[]")
    try:
        return [ip_network(ip_address(bare))]
    except ValueError:
        pass  # it is a name
    try:
        async with asyncio.timeout(_RESOLVED_WITHIN_S):
            found = await asyncio.get_running_loop().getaddrinfo(bare, None, type=socket.SOCK_DGRAM)
    except (OSError, TimeoutError):
        return []
    return [ip_network(address[0]) for *_, address in found]


def _within(inner: Network, outer: Network) -> bool:
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]
