"""The app of a running edge is read anew on SIGHUP: `orchestra up --reload` sends it, and so may an operator."""

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import structlog

from orchestra.voice.edge.edge import Edge

_LOG = structlog.get_logger("orchestra.voice")

#: in a process of its own: what Python has imported once it does not read again
_PRINT_PHRASES = """
import sys
import msgspec
from orchestra import load_app
app = load_app(sys.argv[1])
names = ("name", "version", "greeting", "holding", "apology", "still_there", "transfer_failed", "voicemail",
         "fillers")
sys.stdout.buffer.write(msgspec.json.encode({name: getattr(app, name) for name in names}))
"""


class AppPhrases(msgspec.Struct, frozen=True):
    """The phrases of an app as another process has read them."""

    name: str
    version: str
    greeting: str
    holding: str
    apology: str
    still_there: str
    transfer_failed: str
    voicemail: str
    fillers: tuple[tuple[str, str], ...]


async def load_app_phrases(app: str) -> AppPhrases | None:
    """The phrases of the app as its files are now; None where it cannot be loaded, which is logged."""
    reading = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PRINT_PHRASES, app,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    told, errors = await reading.communicate()
    if reading.returncode == 0:
        return msgspec.json.decode(told, type=AppPhrases)
    lines = errors.decode("utf-8", "replace").strip().splitlines()
    _LOG.error("edge.app_not_read", app=app, problem=lines[-1] if lines else f"exit code {reading.returncode}")
    return None


@contextmanager
def reload_on_sighup(edge: Edge) -> Iterator[None]:
    """Take up the app anew at every SIGHUP while the block runs."""
    loop, tasks = asyncio.get_running_loop(), set[asyncio.Task[None]]()
    one_at_a_time = asyncio.Lock()  # else one that reads for longer would bring back what a later one has replaced

    async def reload() -> None:
        async with one_at_a_time:
            phrases = await load_app_phrases(edge.settings.app)
            if phrases is not None:
                edge.use_app(phrases)
                _LOG.info("edge.app_read", app=phrases.name, version=phrases.version)

    def begin() -> None:
        task = loop.create_task(reload(), name="read the app anew")
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    loop.add_signal_handler(signal.SIGHUP, begin)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        for task in tasks:
            task.cancel()
