"""The real `orchestra up` with all its roles, as an operator runs it: its own supervision restarts what is killed."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from orchestra.child_process import die_with_parent
from orchestra.settings import Settings
from orchestra.stack import RunningStack, find_running_stack
from tests.servers.free_ports import free_ports
from tests.servers.label_studio import TOKEN
from tests.servers.openobserve import PASSWORD, USER
from tests.servers.webhook_receiver import SECRET
from tests.soak.servers import Servers

ROOT = Path(__file__).parents[2]
#: events that the webhooks' receiver gets
WEBHOOKS = ("call.started", "reply.spoken", "tool.completed", "call.ended", "call.analysed")
#: the journal is trimmed many times in an hour, as it is once a day in earnest
KEPT_S, MEDIA_KEPT_S = 120.0, 30.0
_READY_WITHIN_S, _STOPPED_WITHIN_S = 180.0, 90.0
_WORKERS = (
    "orchestration", "execution", "persistence", "analysis", "logging", "curator", "webhooks", "archive",
)  # fmt: skip
#: everything that `orchestra up` starts here; "server" is the embedded Redis server, with its append-only file
ROLES = ("edge", *_WORKERS, "console", "server")
EDGES = 2


@dataclass
class System:
    """The running system; ``folder`` has its data, its app and its log."""

    folder: Path
    running: RunningStack
    supervisor: asyncio.subprocess.Process
    settings: Settings
    revision: int = 0
    _roles: dict[int, str] = field(default_factory=dict)

    def processes(self) -> dict[str, list[int]]:
        """The process ids by role."""
        found: dict[str, list[int]] = {role: [] for role in ROLES}
        for pid in children(self.supervisor.pid):
            if role := self._role_of(pid):
                found[role].append(pid)
        return found

    def _role_of(self, pid: int) -> str:
        command = _command(pid)
        if "valkey-server" in command:
            return "server"
        words = command.split("\0")
        if "tests.faults.spoken" not in words:
            return ""  # it is about to become one
        name = words[words.index("tests.faults.spoken") + 1 :]
        role = name[1] if name[:1] == ["worker"] else name[0] if name else ""
        return role if role in ROLES else ""

    def reload_app(self) -> None:
        """Change the app's file, as a deploy or an editor does: edges and workers load it again."""
        self.revision += 1
        write_app(self.folder, self.revision)

    @property
    def log(self) -> Path:
        """What every process has logged, a JSON object a line."""
        return self.folder / "up.log"

    async def stop(self) -> int:
        """End it as Ctrl-C does; returns the exit code."""
        if self.supervisor.returncode is None:
            self.supervisor.send_signal(signal.SIGTERM)
        async with asyncio.timeout(_STOPPED_WITHIN_S):
            return await self.supervisor.wait()


def children(pid: int) -> list[int]:
    """The children of a process; none if it has ended."""
    try:
        return [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def write_app(folder: Path, revision: int) -> None:
    file = folder / "app" / "soak_app.py"
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"from tests.soak.app import lines  # revision {revision}\n", encoding="utf-8")


@asynccontextmanager
async def running_system(folder: Path, servers: Servers) -> AsyncIterator[System]:
    """Start `orchestra up` in a folder, wait until it is ready, and stop it at the end of the block.

    Raises:
        RuntimeError: it ended at start, or is not ready in time; its log says why.

    """
    write_app(folder, 0)
    (folder / "deeds").touch()
    events = ", ".join(f'"{name}"' for name in WEBHOOKS)
    endpoint = f'[receiver]\nurl = "{servers.receiver.url}"\nsecret_env = "SOAK_SECRET"\nevents = [{events}]\n'
    (folder / "webhooks.toml").write_text(endpoint, encoding="utf-8")
    ours = {
        "DATA_DIR": folder / "data", "PORT": free_ports(2), "APP": "soak_app:lines", "MODEL": "tones",
        "MODEL_URL": servers.model.base_url, "OPENOBSERVE_URL": servers.openobserve.url, "OPENOBSERVE_USER": USER,
        "OPENOBSERVE_PASSWORD": PASSWORD, "LABEL_STUDIO_URL": servers.label_studio.url,
        "LABEL_STUDIO_API_KEY": TOKEN, "LABEL_STUDIO_AUDIO": "none", "WEBHOOKS": folder / "webhooks.toml",
        "WEBHOOKS_PRIVATE": "true", "CONSOLE_PORT": "0", "ARCHIVE_FLUSH_S": "2", "LOG_FORMAT": "json",
        "JOURNAL_RETENTION_S": KEPT_S, "MEDIA_RETENTION_S": MEDIA_KEPT_S, "STT": "local", "TTS": "local",
    }  # fmt: skip
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ORCHESTRA_")}
    environment = {
        **inherited,
        **{f"ORCHESTRA_{name}": str(value) for name, value in ours.items()},
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", "")))),
        "SPOKEN_DEEDS": str(folder / "deeds"),
        "SOAK_SECRET": SECRET,
    }
    with (folder / "up.log").open("ab") as log:
        supervisor = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.faults.spoken", "up", "--edges", str(EDGES), "--reload",
            cwd=folder / "app", env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
            preexec_fn=die_with_parent(),
        )  # fmt: skip
    settings = Settings(data_dir=folder / "data")
    try:
        running = await _ready(settings, supervisor, folder / "up.log")
        system = System(folder, running, supervisor, settings.model_copy(update={"redis_url": running.redis_url}))
        yield system
    finally:
        if supervisor.returncode is None:
            supervisor.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(_STOPPED_WITHIN_S):
                    await supervisor.wait()
            except TimeoutError:
                supervisor.kill()
                await supervisor.wait()


async def _ready(settings: Settings, supervisor: asyncio.subprocess.Process, log: Path) -> RunningStack:
    async with asyncio.timeout(_READY_WITHIN_S):
        while (found := find_running_stack(settings)) is None or found.pid != supervisor.pid:
            if supervisor.returncode is not None:
                msg = f"orchestra up ended with {supervisor.returncode}: see {log}"
                raise RuntimeError(msg)
            await asyncio.sleep(0.1)
    return found
