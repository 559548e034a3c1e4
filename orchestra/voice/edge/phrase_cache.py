"""Phrases that the edge says in many calls, synthesized once and kept on disk.

The first word of a call is heard at once, and the greeting, the holding phrase and the apology are heard even while the
speech vendor is away.
"""

import asyncio
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import msgspec
import structlog

from orchestra.atomic_file import write_atomically
from orchestra.errors import EngineError
from orchestra.voice.engines.synthesized_speech import SynthesizedSpeech

_LOG = structlog.get_logger("orchestra.voice")

#: the format of the audio, part of every file's name
_FORMAT = "pcm16 8000 Hz"
#: wait before a vendor that refused or did not answer is asked again, in seconds
_AGAIN_S = 60.0

Phrase = tuple[str, str]  # text, voice


class SpeechRenderer(Protocol):
    """What the cache needs of the engines."""

    def voice_key(self, voice: str = "") -> str:
        """Identifies engine, voice and model."""

    async def render(self, text: str, voice: str = "") -> SynthesizedSpeech:
        """Speech at 8 kHz. Raises EngineError."""


class _Kept(msgspec.Struct):
    """A file of the cache: what it contains, so that it is not taken for another phrase, and a hash of the audio."""

    name: str
    sha256: str
    rendered: SynthesizedSpeech


class PhraseCache:
    """The phrases of an app, each in its agent's voice.

    Args:
        engines: synthesizes what is missing.
        folder: one file per phrase; created when needed.
        phrases: text and voice of each; empty texts are skipped.

    """

    def __init__(self, engines: SpeechRenderer, folder: Path, phrases: Iterable[Phrase]) -> None:
        self._engines = engines
        self._folder = folder
        self._wanted: dict[Phrase, str] = {}
        self._ready: dict[Phrase, SynthesizedSpeech] = {}
        self._changed = asyncio.Event()
        self.use_phrases(phrases)

    def use_phrases(self, phrases: Iterable[Phrase]) -> None:
        """Replace the phrases; `run` synthesizes what is missing."""
        wanted = [(text.strip(), voice) for text, voice in phrases if text.strip()]
        self._wanted = {(text, self._engines.voice_key(voice)): voice for text, voice in wanted}
        self._ready = {phrase: speech for phrase, speech in self._ready.items() if phrase in self._wanted}
        self._changed.set()

    def find(self, text: str, voice: str) -> SynthesizedSpeech | None:
        """The speech of this text; None if it is not cached."""
        return self._ready.get((text, self._engines.voice_key(voice))) if self._ready else None

    async def prepare(self) -> None:
        """Read or synthesize what is missing, once. What an engine refuses stays missing."""
        for key in [key for key in self._wanted if key not in self._ready]:
            await self._prepare(key)

    async def run(self) -> None:
        """Until cancelled: keep the phrases ready, and retry an engine that failed."""
        while True:
            self._changed.clear()
            await self.prepare()
            try:
                async with asyncio.timeout(_AGAIN_S if len(self._ready) < len(self._wanted) else None):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _prepare(self, key: Phrase) -> None:
        text, speaker = key
        name = f"{speaker}\n{_FORMAT}\n{text}"
        path = self._folder / f"{hashlib.sha256(name.encode()).hexdigest()}.phrase"
        kept = await asyncio.to_thread(_read, path, name)
        if kept is None:
            try:
                kept = await self._engines.render(text, self._wanted.get(key, ""))
                await asyncio.to_thread(_write, path, name, kept)
            except (EngineError, OSError) as error:
                _LOG.warning("phrase.not_kept", text=text, speaker=speaker, error=str(error))
        if kept is not None and key in self._wanted:
            self._ready[key] = kept


def _read(path: Path, name: str) -> SynthesizedSpeech | None:
    """The cached speech of this phrase; None if there is none, or the file is damaged."""
    try:
        kept = msgspec.msgpack.decode(path.read_bytes(), type=_Kept)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        _LOG.warning("phrase.damaged", file=path.name, error=str(error))
        return None
    if kept.name == name and kept.sha256 == hashlib.sha256(kept.rendered.pcm16).hexdigest():
        return kept.rendered
    _LOG.warning("phrase.damaged", file=path.name, error="its audio is not what was written")
    return None


def _write(path: Path, name: str, rendered: SynthesizedSpeech) -> None:
    kept = _Kept(name, hashlib.sha256(rendered.pcm16).hexdigest(), rendered)
    write_atomically(path, msgspec.msgpack.encode(kept), mode=0o600)
