"""The audio of one call: both directions on one clock, and how much of the agent's was played."""

from collections.abc import Callable

import numpy as np

from orchestra.clock import SYSTEM_CLOCK
from orchestra.voice.audio.chunker import SAMPLE_RATE, Chunk, Track
from orchestra.voice.audio.clock import CallClock
from orchestra.voice.audio.echo import EchoSuppressor
from orchestra.voice.audio.playback import PlaybackTracker
from orchestra.voice.audio.recent_sound import RecentSound
from orchestra.voice.audio.second_voice import PersonsEar
from orchestra.voice.carriers.port import AudioReceived

#: a 16-bit sample this large is a sound; synthesized silence stays far below
_AUDIBLE = 200
#: after a shorter pause the agent goes on in mid-word: half a word said twice would be noticed more than the gap, in ms
_SHORT_PAUSE_MS = 250.0


class CallAudio:
    """Takes the caller's frames as they arrive and the agent's as they are sent.

    ``monotonic`` is in seconds; ``start_ms`` is the position of the first frame on the call's clock. Audio is signed
    16-bit, mono, little-endian, at ``sample_rate`` Hz.
    """

    def __init__(
        self,
        monotonic: Callable[[], float] = SYSTEM_CLOCK.monotonic,
        *,
        start_ms: float = 0.0,
        sample_rate: int = SAMPLE_RATE,
    ) -> None:
        self.sample_rate = sample_rate
        self._bytes_per_ms = sample_rate * 2 / 1000
        self.clock = CallClock(monotonic, start_ms=start_ms)
        self.playback = PlaybackTracker()
        self.end_ms = 0  # end of the last chunk that was taken
        self._caller = Track("caller", sample_rate)
        self._agent = Track("agent", sample_rate)
        self._caller_sound = RecentSound(sample_rate)
        self.sent_ms = 0.0  # since the last `clear`
        self._before = 0  # words of replies before this one, since the last `clear`
        self._paused_at_ms = 0.0
        self._echo = EchoSuppressor(sample_rate)
        self.persons_ear: PersonsEar | None = None  # while a person is on the line

    def take_caller_frame(self, frame: AudioReceived) -> None:
        """One frame of the caller's audio."""
        at_ms = self.clock.frame(len(frame.samples) / self._bytes_per_ms, frame.timestamp_ms)
        self._caller.put(at_ms, frame.samples)
        self._caller_sound.put(at_ms, frame.samples)

    def take_agent_frame(self, samples: bytes, together: bytes | None = None) -> None:
        """One frame of the agent's audio, about to be sent; it is played after what was sent before.

        ``together``: with the voice of a person on the line, which the caller hears at the same time.
        """
        self._put_agent(samples if together is None else together)
        if self.persons_ear is not None:
            self.persons_ear.put_agents(samples)
        self.sent_ms += len(samples) / self._bytes_per_ms

    def pause(self) -> float:
        """The carrier was told to discard what it has not played, which will be sent again. Returns how many ms."""
        self._paused_at_ms = self.clock.now_ms
        unplayed_ms = min(self.sent_ms, self._agent.ahead_ms(self._paused_at_ms))
        self._cut_agent()
        self.sent_ms -= unplayed_ms
        return unplayed_ms

    def rewind(self, longest_ms: float) -> float:
        """Audio is sent again, from the word that was being played, at most ``longest_ms``. Returns how many ms.

        After a short pause there is none: the audio goes on where it stopped.
        """
        if self.clock.now_ms - self._paused_at_ms < _SHORT_PAUSE_MS:
            return 0.0
        start_ms = self.playback.word_start_ms(self.sent_ms)
        again_ms = self.sent_ms - start_ms if start_ms >= self.sent_ms - longest_ms else 0.0
        self.sent_ms -= again_ms
        return again_ms

    def take_second_voice(self, samples: bytes) -> None:
        """The voice of a person on the line, about to be sent: the caller hears it, and it is none of the agent's."""
        self._put_agent(samples)

    def take_fading_frame(self, samples: bytes) -> None:
        """The end of audio that is paused, faded out; it will be sent again and does not count as played."""
        self._put_agent(samples)

    def without_echo(self, samples: bytes) -> bytes:
        """The caller's audio that was taken last, silent where it is only an echo of the agent's."""
        return self._echo.suppress(self.clock.end_ms, samples)

    def _put_agent(self, samples: bytes) -> None:
        now_ms = self.clock.now_ms
        self._agent.put(now_ms, samples)
        self._echo.played(now_ms, samples)

    def _cut_agent(self) -> None:
        now_ms = self.clock.now_ms
        if self.persons_ear is not None:
            self.persons_ear.clear_agents()
        self._agent.cut(now_ms)
        self._echo.cut(now_ms)

    def since_caller_sound(self, ago_s: float) -> float:
        """How many seconds ago the caller's last sound was, if voice activity detection says ``ago_s``."""
        now_ms = self.clock.now_ms
        return (now_ms - self._caller_sound.last_before(now_ms - ago_s * 1000)) / 1000

    def clear(self) -> None:
        """The carrier was told to discard what it has not played."""
        self._cut_agent()
        self.sent_ms = 0.0
        self._before = 0
        self.playback.clear()

    def begin_reply(self) -> None:
        """Another reply follows, although the last was not cleared: do not count the words of that one."""
        self._before = self.playback.word_count

    def reply_heard(self) -> list[str]:
        """The words of this reply that the caller has heard since the last `clear`."""
        words = self.playback.words_played(self.sent_ms - self._agent.ahead_ms(self.clock.now_ms))
        return words if not self._before else " ".join(words).split()[self._before :]

    @property
    def words_with_audio(self) -> int:
        """How many words of this reply have audio, since the last `clear`."""
        return self.playback.word_count - self._before

    @property
    def queued_ms(self) -> float:
        """Milliseconds of audio queued for sending since the last `clear`."""
        return self.playback.queued_ms

    def take_chunks(self, *, everything: bool = False) -> list[Chunk]:
        """Both sides' audio played since the last call of this method, in chunks; ``everything``: also the rest."""
        now_ms = self.clock.now_ms
        if everything:
            self._agent.cut(now_ms)  # the call is over: the rest is never played
        chunks = [
            *self._caller.take(now_ms, everything=everything),
            *self._agent.take(now_ms, everything=everything),
        ]
        for chunk in chunks:
            self.end_ms = max(self.end_ms, chunk.end_ms)
        return chunks


def is_audible(samples: bytes) -> bool:
    """Whether these samples contain any sound."""
    heard = np.frombuffer(samples, dtype=np.int16)
    return bool(heard.max(initial=0) >= _AUDIBLE or heard.min(initial=0) <= -_AUDIBLE)


def leading_silence(samples: bytes) -> int:
    """How many of these samples come before the first that can be heard."""
    heard = np.frombuffer(samples, dtype=np.int16)
    return int(np.argmax((heard >= _AUDIBLE) | (heard <= -_AUDIBLE)))
