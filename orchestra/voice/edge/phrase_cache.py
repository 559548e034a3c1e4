"""Phrases that the edge says in many calls, synthesized once and kept on disk.

The first word of a call is heard at once, and the greeting, the holding phrase and the apology are heard even while the
speech vendor is away.
"""

import asyncio
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec
import structlog

from orchestra.atomic_file import write_atomically
from orchestra.errors import EngineError
from orchestra.pronunciations import Piece
from orchestra.voice.engines.phrase import Phrase
from orchestra.voice.engines.synthesized_speech import SynthesizedSpeech

_LOG = structlog.get_logger("orchestra.voice")

#: the format of the audio, part of every file's name
_FORMAT = "pcm16 8000 Hz"
#: wait before a vendor that refused or did not answer is asked again, in seconds
_AGAIN_S = 60.0


class SpeechRenderer(Protocol):
    """What the cache needs of the engines."""

    def ipa(self, language: str) -> str:
        """How the voice of a language takes IPA in a text, as a format; empty: it does not."""

    def voice_key(self, voice: str, language: str, speed: float) -> str:
        """Identifies engine, voice, model, language and pace."""

    async def render(self, text: str, voice: str, language: str, speed: float) -> SynthesizedSpeech:
        """Speech at 8 kHz. Raises EngineError."""


class _Key(NamedTuple):
    """What makes two phrases the same audio with the same words."""

    text: str
    said: str
    speaker: str


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
        phrases: empty ones are skipped.

    """

    def __init__(self, engines: SpeechRenderer, folder: Path, phrases: Iterable[Phrase]) -> None:
        self._engines = engines
        self._folder = folder
        self._wanted: dict[_Key, Phrase] = {}
        self._ready: dict[_Key, SynthesizedSpeech] = {}
        self._changed = asyncio.Event()
        self.use_phrases(phrases)

    def use_phrases(self, phrases: Iterable[Phrase]) -> None:
        """Replace the phrases; `run` synthesizes what is missing."""
        self._wanted = {self._key(phrase): phrase for phrase in phrases if phrase.text.strip()}
        self._ready = {key: speech for key, speech in self._ready.items() if key in self._wanted}
        self._changed.set()

    def find(self, phrase: Phrase) -> SynthesizedSpeech | None:
        """The speech of this phrase; None if it is not cached."""
        return self._ready.get(self._key(phrase)) if self._ready else None

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
                continue  # phrases that could not be made are tried again

    def _key(self, phrase: Phrase) -> _Key:
        text = phrase.text.strip()
        speaker = self._engines.voice_key(phrase.voice, phrase.language, phrase.speed)
        return _Key(text, phrase.pronunciations.say(text, self._engines.ipa(phrase.language)), speaker)

    async def _prepare(self, key: _Key) -> None:
        name = f"{key.speaker}\n{_FORMAT}\n{key.text}" + (f"\n{key.said}" if key.said != key.text else "")
        path = self._folder / f"{hashlib.sha256(name.encode()).hexdigest()}.phrase"
        kept = await asyncio.to_thread(_read, path, name)
        if kept is None:
            try:
                kept = await self._render(key)
                if kept is not None:
                    await asyncio.to_thread(_write, path, name, kept)
            except (EngineError, OSError) as error:
                _LOG.warning("phrase.not_kept", text=key.text, speaker=key.speaker, error=str(error))
        if kept is not None and key in self._wanted:
            self._ready[key] = kept

    async def _render(self, key: _Key) -> SynthesizedSpeech | None:
        phrase = self._wanted.get(key)
        if phrase is None:
            return None  # it was replaced meanwhile
        speech = await self._engines.render(key.said, phrase.voice, phrase.language, phrase.speed)
        if key.said == key.text:
            return speech
        return _as_written(speech, phrase.pronunciations.pieces(key.text, self._engines.ipa(phrase.language)))


def _as_written(speech: SynthesizedSpeech, pieces: list[Piece]) -> SynthesizedSpeech:
    """The speech with the words that are written, at the times of those that are said."""
    starts = [start_s for words, start_s in speech.words for _ in words.split()]
    words, at = [], 0
    for written, said in pieces:
        words.append((written, starts[min(at, len(starts) - 1)] if starts else 0.0))
        at += len(said.split())
    return SynthesizedSpeech(speech.pcm16, tuple(words))


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
