"""Who may reach the gateway: the kernel drops what comes from anybody else."""

import socket

import pytest

from orchestra.sip.peers import SocketFilter, filter_program, parse_networks


def udp(address: str = "127.0.0.1") -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((address, 0))
    made.settimeout(5)
    return made


@pytest.mark.parametrize(
    ("networks", "reached", "dropped"),
    [
        ("127.0.0.1", ["127.0.0.1"], ["127.0.0.2", "127.9.0.1"]),
        ("127.0.0.0/24,127.9.0.0/16", ["127.0.0.9", "127.9.8.7"], ["127.0.1.1", "127.8.0.1"]),
        ("0.0.0.0/0", ["127.0.0.1", "127.200.1.1"], []),
        ("10.0.0.0/8", [], ["127.0.0.1"]),
    ],
)
def test_only_the_networks_that_are_allowed_reach_a_socket(
    networks: str, reached: list[str], dropped: list[str]
) -> None:
    with udp() as listening:
        guard = SocketFilter([listening.getsockname()[1]])
        guard.allow(parse_networks(networks))
        for address in [*dropped, *reached]:
            with udp(address) as peer:
                peer.sendto(address.encode(), listening.getsockname())
        assert [listening.recv(99).decode() for _ in reached] == reached
        assert guard.dropped >= len(dropped)
        assert bool(guard.dropped) == bool(dropped)
        guard.close()


def test_a_connection_from_elsewhere_is_not_even_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        guard = SocketFilter([listening.getsockname()[1]])
        guard.allow(parse_networks("127.0.0.1"))
        with socket.socket() as stranger:
            stranger.bind(("127.0.0.2", 0))
            stranger.settimeout(0.2)
            with pytest.raises(TimeoutError):
                stranger.connect(listening.getsockname())
        with socket.create_connection(listening.getsockname(), 5):
            pass
        assert guard.dropped > 0
        guard.close()


def test_a_filter_can_be_replaced_while_the_socket_is_used() -> None:
    with udp() as listening, udp() as peer:
        guard = SocketFilter([listening.getsockname()[1]])
        guard.allow(parse_networks("10.0.0.0/8"))
        peer.sendto(b"before", listening.getsockname())
        guard.allow(parse_networks("127.0.0.0/8"))
        peer.sendto(b"after", listening.getsockname())
        assert listening.recv(99) == b"after"
        guard.close()


def test_networks_of_the_other_version_of_ip_are_left_out_of_a_program() -> None:
    both = parse_networks("10.0.0.0/8, 2001:db8::/32")
    assert len(filter_program(both, 4)) == len(filter_program(both, 6)) == 5
    assert filter_program([], 4) == [(0x06, 0, 0, 0)]
