"""A call's audio on its way to the media stream: what is kept of it, and what is only passed on to be heard."""

from orchestra.bus import Publisher
from orchestra.clock import Clock
from orchestra.voice.audio.call_audio import CallAudio
from orchestra.voice.audio.chunker import Chunk
from orchestra.voice.call.consent import Consent
from orchestra.voice.call.operated import OperatedConversation
from orchestra.voice.call.secret_answers import SecretAnswers
from orchestra_schemas import AudioChunk


class AudioJournal:
    """Publishes the audio of one call.

    Args:
        call: its id.
        audio: both of its sides.
        conversation: of the call.
        publisher: the edge's.
        clock: the time.
        consent: says whether audio may be kept.
        secret: hides what the caller says in secret.

    """

    def __init__(
        self,
        call: str,
        audio: CallAudio,
        conversation: OperatedConversation,
        publisher: Publisher,
        clock: Clock,
        *,
        consent: Consent,
        secret: SecretAnswers,
    ) -> None:
        self._call = call
        self._audio = audio
        self._conversation = conversation
        self._consent = consent
        self._secret = secret
        self._publisher = publisher
        self._clock = clock

    def publish(self, *, everything: bool = False) -> None:
        """Publish what was heard since the last time, in chunks; ``everything``: also the rest."""
        chunks = self._audio.take_chunks(everything=everything)
        # an operator who has the call before the caller was told hears them, and nobody keeps it
        kept = self._consent.keeps and not (self._consent.mode == "told" and self._conversation.held_by)
        for chunk in chunks if kept or self._is_listened_to else ():
            samples = self._of_caller(chunk, kept=kept) if chunk.speaker == "caller" else chunk.audio
            self._publisher.publish(
                AudioChunk(
                    call=self._call,
                    speaker=chunk.speaker,
                    offset_ms=chunk.offset_ms,
                    sample_rate=chunk.sample_rate,
                    audio=samples,
                    kept=kept,
                )
            )

    def publish_for_person(self, samples: bytes) -> None:
        """Pass this on to the person of a three-way call."""
        if samples:
            at_ms, rate = round(self._audio.clock.end_ms), self._audio.sample_rate
            self._publisher.publish(
                AudioChunk(
                    call=self._call, speaker="person", offset_ms=at_ms, sample_rate=rate, audio=samples, kept=False
                )
            )

    @property
    def _is_listened_to(self) -> bool:
        """Whether somebody has to hear audio that is not kept.

        An operator who has taken the call over speaks with the caller. Who only listens hears a call whose recording is
        turned off, but no caller who has yet to agree, or has refused.
        """
        return self._operator_speaks or (self._consent.mode == "off" and bool(self._conversation.listeners))

    @property
    def _operator_speaks(self) -> bool:
        return bool(self._conversation.held_by) and not self._conversation.person

    def _of_caller(self, chunk: Chunk, *, kept: bool) -> bytes:
        since = self._clock.time() - (self._audio.clock.now_ms - chunk.offset_ms) / 1000
        if kept and (self._consent.mode == "told" or since < self._consent.since):
            return bytes(len(chunk.audio))
        return self._secret.silenced(chunk.audio, since)
