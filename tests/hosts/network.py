"""Hosts on this machine: each is a network namespace of its own, with a cable to one switch.

::

    edge-1   eth0 ── edge-1 ┐
    edge-2   eth0 ── edge-2 ┤  bridge "switch" in a namespace of its own,
    worker-1 eth0 ─ worker-1┤  which drops what a test has cut
    redis    eth0 ── redis  ┘

A namespace is held by an open file of this process and by the processes in it. When they have ended, however they
ended, the kernel removes it with its interfaces: nothing is left on the machine, and no address of it is ever used.

What is cut is dropped in silence: nobody gets a RST or an ICMP message, as when a cable is pulled or a firewall
changes. Hosts know each other's hardware addresses from the start: without that, a cut host would be told soon that
there is no route to the others, which routers between real hosts do not tell.
"""

import ctypes
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from orchestra.child_process import die_with_parent

_CLONE_NEWNET, _CLONE_NEWNS = 0x40000000, 0x00020000
_MS_REC, _MS_PRIVATE = 0x4000, 0x40000
_LIBC = ctypes.CDLL(None, use_errno=True)
#: ETHTOOL_STXCSUM, ETHTOOL_STSO and ETHTOOL_SGSO of linux/ethtool.h
_OFFLOADS = (0x17, 0x1F, 0x24)
_SIOCETHTOOL = 0x8946
_ROOT = Path(__file__).parents[2]
_NEEDED = ("ip", "nft")


def lacking() -> str:
    """Why there can be no network of hosts here; empty if there can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "network namespaces need Linux and root"
    if missing := [name for name in _NEEDED if shutil.which(name) is None]:
        return f"there is no {' and no '.join(missing)}: install iproute2 and nftables"
    try:
        os.close(_new_namespace())
    except OSError as error:
        return f"no network namespace can be made here: {error}"
    return ""


def _new_namespace() -> int:
    """An open file that keeps a new namespace."""
    made: list[int | OSError] = []

    def make() -> None:
        """In a thread of its own, which alone is in the new namespace."""
        try:
            _checked(_LIBC.unshare(_CLONE_NEWNET))
            made.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            made.append(error)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    if isinstance(made[0], OSError):
        raise made[0]
    return made[0]


def _enter(namespace: int) -> None:
    _checked(_LIBC.setns(namespace, _CLONE_NEWNET))


def _mount_small(folder: Path, size: int) -> None:
    """A file system that ends with the processes that see it: it is in a mount namespace of their own."""
    _checked(_LIBC.unshare(_CLONE_NEWNS))
    _checked(_LIBC.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None))
    _checked(_LIBC.mount(b"tmpfs", bytes(folder), b"tmpfs", 0, b"size=%d" % size))


def _checked(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@dataclass(slots=True)
class Host:
    """One machine of the network.

    Attributes:
        folder: its disk, which no other host sees.
        environment: of every process on it, beside what the process itself is given.
        small: a folder of its disk that has room for so many bytes only; it is there for its processes alone.

    """

    name: str
    address: str
    namespace: int
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    small: tuple[Path, int] | None = None
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, command: Sequence[str], name: str, **environment: str) -> subprocess.Popen[bytes]:
        """A process on this host; it writes to ``name.log`` on its disk, and ends with this process."""
        die, namespace, small = die_with_parent(), self.namespace, self.small

        def before_exec() -> None:
            _enter(namespace)
            if small is not None:
                _mount_small(*small)
            die()

        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                env={**os.environ, **self.environment, **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=_ROOT,
                preexec_fn=before_exec,  # noqa: PLW1509 - runs setns and prctl only
            )
        self.processes.append(process)
        return process

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """Kill one of its processes."""
        self.processes.remove(process)
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()

    def log(self, name: str) -> str:
        """What a process has written."""
        return (self.folder / f"{name}.log").read_text(errors="replace")


class Network:
    """The switch, and what is broken in it.

    Args:
        folder: where the hosts get their disks.

    """

    def __init__(self, folder: Path) -> None:
        self.hosts: dict[str, Host] = {}
        self._folder = folder
        self._cut: set[tuple[str, str]] = set()
        self._slow: dict[str, subprocess.Popen[bytes]] = {}
        self._switch = Host("switch", "", _new_namespace(), folder)
        self._ip(self._switch, "link add name switch type bridge", "link set dev switch up", "link set dev lo up")

    def host(self, name: str) -> Host:
        """Connect one more host to the switch."""
        number = len(self.hosts) + 1
        folder = self._folder / name
        folder.mkdir()
        host = Host(name, f"10.77.0.{number}", _new_namespace(), folder)
        self._ip(
            self._switch,
            f"link add name {name} type veth peer name eth0 address {_hardware(number)} netns {_path(host)}",
            f"link set dev {name} master switch",
            f"link set dev {name} up",
        )
        self._ip(host, "link set dev lo up", f"addr add {host.address}/24 dev eth0", "link set dev eth0 up")
        # a frame that leaves the kernel on its way (slow_cable.py) needs its checksum, and its size
        self.run_in(host, _no_offloads)
        for known in self.hosts.values():
            self._ip(host, _neighbour(known))
            self._ip(known, _neighbour(host))
        self.hosts[name] = host
        return host

    # -- faults

    def cut(self, one: Host, other: Host | None = None, *, only_from: bool = False, only_to: bool = False) -> None:
        """Drop what goes between a host and another one, or all others; perhaps only in one direction."""
        for each in [other] if other is not None else [each for each in self.hosts.values() if each is not one]:
            if not only_to:
                self._cut.add((one.name, each.name))
            if not only_from:
                self._cut.add((each.name, one.name))
        self._drop_cut()

    def cut_groups(self, ones: Sequence[Host], others: Sequence[Host]) -> None:
        """Drop what goes between two groups of hosts."""
        self._cut |= {pair for one in ones for other in others for pair in _both_ways(one, other)}
        self._drop_cut()

    def heal(self) -> None:
        """Drop nothing any more, and delay nothing."""
        self._cut.clear()
        self._drop_cut()
        for name in list(self._slow):
            self._switch.end(self._slow.pop(name))
            self._ip(self._switch, f"link set dev {name} master switch", f"link del dev {name}-in")

    def _drop_cut(self) -> None:
        rules = "\n".join(f'iifname "{one}" oifname "{other}" drop' for one, other in sorted(self._cut))
        chain = f"chain forward {{ type filter hook forward priority 0; policy accept;\n{rules}\n}}"
        script = f"add table bridge faults\ndelete table bridge faults\ntable bridge faults {{\n{chain}\n}}\n"
        _run(["nft", "-f", "-"], self._switch, script)

    def slow_down(self, host: Host, *, delay_s: float, loss: float) -> None:
        """Delay every frame to and from a host, and lose some of them at random.

        The kernel's own means, ``tc netem``, is not in every kernel. So the frames go through a process, which is as
        good: whole frames are late or lost, and the hosts' own TCP has to make the best of it.
        """
        name = host.name
        self._ip(
            self._switch,
            f"link set dev {name} nomaster",
            f"link add name {name}-in type veth peer name {name}-out",
            f"link set dev {name}-in master switch",
            f"link set dev {name}-in up",
            f"link set dev {name}-out up",
            f"link set dev {name} promisc on",
            f"link set dev {name}-out promisc on",
        )
        command = [sys.executable, "-m", "tests.hosts.slow_cable", name, f"{name}-out", str(delay_s), str(loss)]
        self._slow[name] = self._switch.start(command, f"{name}-slow")

    # -- this process

    @contextmanager
    def inside(self, host: Host) -> Iterator[None]:
        """Have this thread, and the threads that it starts, be on that host."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        _enter(host.namespace)
        try:
            yield
        finally:
            _enter(before)
            os.close(before)

    @staticmethod
    def run_in(host: Host, act: Callable[[], None]) -> None:
        """Do something on a host."""
        failed: list[BaseException] = []

        def run() -> None:
            try:
                _enter(host.namespace)
                act()
            except BaseException as error:  # noqa: BLE001 - it is raised below
                failed.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        if failed:
            raise failed[0]

    def close(self) -> None:
        """End every process, and let go of the namespaces."""
        for host in (*self.hosts.values(), self._switch):
            for process in list(host.processes):
                host.end(process)
            os.close(host.namespace)

    @staticmethod
    def _ip(host: Host, *commands: str) -> None:
        _run(["ip", "-batch", "-"], host, "\n".join(commands) + "\n")


def _both_ways(one: Host, other: Host) -> tuple[tuple[str, str], tuple[str, str]]:
    return (one.name, other.name), (other.name, one.name)


def _run(command: Sequence[str], host: Host, script: str) -> None:
    done = subprocess.run(  # noqa: PLW1510 - its own words are in the error
        command,
        input=script.encode(),
        capture_output=True,
        preexec_fn=partial(_enter, host.namespace),
    )
    if done.returncode:
        msg = f"{' '.join(command)} on {host.name}: {done.stderr.decode().strip()}\n{script}"
        raise RuntimeError(msg)


def _path(host: Host) -> str:
    return f"/proc/{os.getpid()}/fd/{host.namespace}"


def _hardware(number: int) -> str:
    return f"02:00:00:00:00:{number:02x}"


def _neighbour(host: Host) -> str:
    number = int(host.address.rpartition(".")[2])
    return f"neigh replace {host.address} lladdr {_hardware(number)} dev eth0 nud permanent"


def _no_offloads() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for command in _OFFLOADS:
            value = ctypes.create_string_buffer(struct.pack("II", command, 0))
            request = struct.pack("16sP", b"eth0", ctypes.addressof(value))
            fcntl.ioctl(any_socket, _SIOCETHTOOL, request.ljust(40, b"\0"))


@contextmanager
def network(folder: Path, *names: str) -> Iterator[Network]:
    """A network of these hosts."""
    made = Network(folder)
    try:
        for name in names:
            made.host(name)
        yield made
    finally:
        made.close()


def with_clock_off(seconds: float) -> Mapping[str, str]:
    """The environment of a host whose wall clock is off (libfaketime); what measures durations is right, as there.

    Raises:
        FileNotFoundError: libfaketime is not installed.

    """
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
    if library is None:
        msg = "there is no libfaketime: install faketime"
        raise FileNotFoundError(msg)
    return {"LD_PRELOAD": str(library), "FAKETIME": f"{seconds:+}s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
