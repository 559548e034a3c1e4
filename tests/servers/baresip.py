"""Debian's softphone (baresip 1.0), driven by its control port: it speaks a WAV file, and keeps what it hears as one.

https://manpages.debian.org/bookworm/baresip-core/baresip.1.en.html
"""

import asyncio
import contextlib
import json
import shutil
import tempfile
import wave
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from orchestra.voice.audio.mulaw import Samples
from tests.servers.free_ports import HOST, free_ports

MODULES = "/usr/lib/baresip/modules"
_WITHIN_S = 30.0
#: it lets go of a key after 250 ms
_KEY_S = 0.4
_CONFIG = """
sip_listen {host}:{sip}
net_interface {interface}
rtp_ports {rtp}-{rtp_last}
ctrl_tcp_listen 127.0.0.1:{control}
module_path {modules}
module stdio.so
module g711.so
module g722.so
module aufile.so
module sndfile.so
module srtp.so
module ctrl_tcp.so
module_tmp account.so
module_app menu.so
snd_path {home}
audio_source aufile,{home}/says.wav
audio_player aufile,none
audio_srate {rate}
ausrc_srate {rate}
auplay_srate {rate}
ausrc_format s16
auplay_format s16
auenc_format s16
audec_format s16
sip_verify_server no
{more}
"""


class Softphone:
    """One softphone in a process of its own.

    Args:
        says: what it speaks, again and again (at ``rate``); silence by default.
        account: parameters of its account, as baresip's ``accounts`` file has them: ``;answermode=auto``.
        config: more lines of its configuration.
        codecs: that it offers, in this order.
        rate: of its sound files, in Hz.
        command: in front of its own, ``ip netns exec …``.

    """

    def __init__(
        self,
        says: Samples | None = None,
        *,
        user: str = "+15551234",
        domain: str = "",
        host: str = HOST,
        account: str = "",
        config: str = "",
        codecs: str = "pcmu",
        rate: int = 8000,
        command: tuple[str, ...] = (),
    ) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="softphone-"))
        self.sip = free_ports(4)
        self._control = self.sip + 3
        self.uri = f"sip:{user}@{host}:{self.sip}"
        self.events: list[dict[str, Any]] = []
        self._command, self._host = command, host
        interface = "lo" if host == HOST and not command else host
        rtp = free_ports(12)
        self._write_sound(says if says is not None else np.zeros(8 * rate, np.int16), rate)
        text = _CONFIG.format(
            host=host, sip=self.sip, interface=interface if interface != "lo" else host, rtp=rtp, rtp_last=rtp + 10,
            control=self._control, modules=MODULES, home=self.home, rate=rate, more=config,
        )  # fmt: skip
        (self.home / "config").write_text(text)
        whose = f"{user}@{domain or f'{host}:{self.sip}'}"
        (self.home / "accounts").write_text(f"<sip:{whose}>;audio_codecs={codecs}{account or ';regint=0'}\n")
        (self.home / "contacts").touch()
        self._changed = asyncio.Event()
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        """Start it, and connect to its control port."""
        self._log = (self.home / "log").open("wb")
        # its standard input must be a pipe or a terminal: its epoll fails with a file
        self.process = await asyncio.create_subprocess_exec(
            *self._command, "baresip", "-s", "-f", str(self.home),
            stdin=asyncio.subprocess.PIPE, stdout=self._log, stderr=self._log,
        )  # fmt: skip
        async with asyncio.timeout(_WITHIN_S):
            while True:
                with contextlib.suppress(ConnectionError):
                    self._reader, self._writer = await asyncio.open_connection(HOST, self._control)
                    break
                await asyncio.sleep(0.05)
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it, and remove its files."""
        self._reading.cancel()
        self._writer.close()
        if self.process.returncode is None:
            self.process.terminate()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(3.0):
                    await self.process.wait()
            if self.process.returncode is None:
                self.process.kill()
        await self.process.wait()
        self._log.close()
        shutil.rmtree(self.home, ignore_errors=True)

    async def command(self, name: str, parameters: str = "") -> dict[str, Any]:
        """Have it do something: ``dial``, ``hangup``, ``hold``, ``resume``, ``accept``, ``transfer``."""
        asked = json.dumps({"command": name, "params": parameters}).encode()
        self._writer.write(b"%d:%s," % (len(asked), asked))
        async with asyncio.timeout(_WITHIN_S):
            return await self._answers.get()

    async def press(self, keys: str) -> None:
        """Press keys of the telephone, each until it lets go of it by itself."""
        assert self.process.stdin is not None
        for key in keys:
            self.process.stdin.write(key.encode())
            await asyncio.sleep(_KEY_S)

    async def event(self, kind: str, count: int = 1) -> dict[str, Any]:
        """Wait until it has reported this so many times: ``CALL_ESTABLISHED``, ``CALL_CLOSED``."""

        def found() -> list[dict[str, Any]]:
            return [event for event in self.events if event["type"] == kind]

        await self.until(lambda: len(found()) >= count)
        return found()[count - 1]

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until this holds, which is looked at with each event and every 50 ms."""
        async with asyncio.timeout(_WITHIN_S):
            while not condition():
                self._changed.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await self._changed.wait()

    def heard(self) -> Samples:
        """All that it has heard so far, in all its calls."""
        sound: list[Samples] = []
        for path in sorted(self.home.glob("dump-*-dec.wav")):
            data = path.read_bytes()[44:]
            sound.append(np.frombuffer(data[: len(data) // 2 * 2], np.int16))
        return np.concatenate(sound) if sound else np.zeros(0, np.int16)

    @property
    def log(self) -> str:
        """What it printed."""
        return (self.home / "log").read_text(errors="replace")

    def _write_sound(self, says: Samples, rate: int) -> None:
        with wave.open(str(self.home / "says.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(says.astype("<i2").tobytes())

    async def _read(self) -> None:
        """Netstrings of JSON."""
        while True:
            length = int((await self._reader.readuntil(b":"))[:-1])
            told = json.loads(await self._reader.readexactly(length))
            await self._reader.readexactly(1)
            if told.get("event"):
                self.events.append(told)
                self._changed.set()
            else:
                self._answers.put_nowait(told)
