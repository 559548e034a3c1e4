"""The agent's own voice in what the caller's line sends back: a speakerphone on a line without echo cancellation."""

import numpy as np
import numpy.typing as npt

#: an echo arrives within this of the moment at which its sound was played, in ms
_NEAREST_MS, _FARTHEST_MS = 20, 800
#: a decision looks at so much of the line's audio, in ms
_WINDOW_MS = 160
#: the agent's audio is remembered this long, in ms
_REMEMBERED_MS = 2000
#: outgoing audio that is at most this late joins what was before it, as in `Track`, in ms
_JOIN_MS = 60
#: sound below this is no speech to any detector, as root mean square of 16-bit samples (−56 dB below full scale)
_AUDIBLE_RMS = 50.0
#: a room, a handset and a codec spread an echo over so many ms, of which some lie before its strongest part
_SPREAD_MS, _BEFORE_MS = 4.0, 1.0
#: a frame of which at most this share of the power is not explained by the agent's audio is only an echo
_UNEXPLAINED = 0.3
#: at most this share of a whole window shows at once that the line echoes
_SURE = 0.15
#: otherwise windows that do not overlap show it, if so many in a row have the same delay within this, in ms
_RECURRENCES, _SAME_MS = 3, 1.0
#: by how much a delay must fit better than all others: of a steady tone, many delays fit alike
_UNIQUE = 1.2
#: the delay of a line's echo changes by at most this from one reply to the next, in ms
_DRIFT_MS = 60
#: a room lets a sound fade by half within this, in ms, and is followed for so many of these
_BLOCK_MS, _BLOCKS = 20, 6
#: how fast the level of the echo is learned, from how many frames, and by how much a frame may exceed it (5 dB)
_LEARNING, _LEARNED, _MARGIN = 0.15, 4, 3.2
#: so much above that (9 dB more) it is the caller's voice; below it, every so many frames are looked at again
_VOICE, _AGAIN = 8.0, 8

Floats = npt.NDArray[np.float32]


class EchoSuppressor:
    """Silences the frames of a caller's line that hold nothing but an echo of the agent.

    ::

        agent   ~~~~~~~~~~~~~~~~~~~~
        line        ..~~~~~~~~~~WORDS~~~~..       the caller speaks into the echo
        given       ............WORDS........

    The line's audio is compared with the agent's at every delay, and predicted from it by a short filter (least
    squares). Once a line is known to echo, a frame is only an echo if the filter explains it, or if it is no louder
    than the agent's voice of that moment comes back; in a room the second holds more often. What is louder is the
    caller's voice, and passes as it is. The beginning of a line's first echo passes too: a tenth of a second, or half
    a second in a room. Positions are in ms on the call's clock.
    """

    def __init__(self, sample_rate: int) -> None:
        self._per_ms = sample_rate // 1000
        self._window = _WINDOW_MS * self._per_ms
        self._agent: Floats = np.zeros(_REMEMBERED_MS * self._per_ms, np.float32)
        self._agent_end = 0  # position of its end, in samples
        self._sounds_until = -(10**9)
        self._line: Floats = np.zeros(self._window, np.float32)
        self._line_end = 0
        self._delay: int | None = None  # of the line's echo, once it is known, in samples
        self._candidate, self._recurred, self._compared_at = 0, 0, 0
        self._gain, self._frames_learned, self._frames_by_level = 0.0, 0, 0

    @property
    def line_echoes(self) -> bool:
        """Whether an echo was found."""
        return self._delay is not None

    def played(self, at_ms: float, audio: bytes) -> None:
        """The agent's audio (signed 16-bit samples) is played from ``at_ms`` on, or after what was played before."""
        at = round(at_ms) * self._per_ms
        if at - self._agent_end >= _JOIN_MS * self._per_ms:
            self._advance(np.zeros(min(at - self._agent_end, self._agent.size), np.float32))
            self._agent_end = at
        samples = np.frombuffer(audio, np.int16).astype(np.float32)
        self._advance(samples)
        self._agent_end += samples.size
        if np.abs(samples).max(initial=0.0) > _AUDIBLE_RMS:
            self._sounds_until = self._agent_end

    def cut(self, now_ms: float) -> None:
        """What has not been played by now never is."""
        unplayed = self._agent_end - round(now_ms) * self._per_ms
        if unplayed > 0:
            kept = self._agent[: max(0, self._agent.size - unplayed)]
            self._agent = np.concatenate((np.zeros(self._agent.size - kept.size, np.float32), kept))
            self._agent_end -= unplayed
            self._sounds_until = min(self._sounds_until, self._agent_end)

    def suppress(self, end_ms: float, audio: bytes) -> bytes:
        """The line's audio that ends at ``end_ms``: silence where it only echoes."""
        end = round(end_ms) * self._per_ms
        if end - self._sounds_until > (_FARTHEST_MS + _WINDOW_MS) * self._per_ms:
            return audio
        frame = np.frombuffer(audio, np.int16).astype(np.float32)
        self._listen(end, frame)
        if float(np.dot(frame, frame)) < _AUDIBLE_RMS**2 * frame.size or not self._is_echo(frame.size):
            return audio
        return bytes(len(audio))

    def _advance(self, samples: Floats) -> None:
        kept = self._agent.size - samples.size
        self._agent = np.concatenate((self._agent[-kept:], samples)) if kept > 0 else samples[-self._agent.size :]

    def _listen(self, end: int, frame: Floats) -> None:
        missing = end - frame.size - self._line_end
        if missing:
            gap = np.zeros(min(max(missing, 0), self._window), np.float32)
            self._line = np.concatenate((self._line, gap))
        self._line = np.concatenate((self._line, frame))[-self._window :]
        self._line_end = end

    def _is_echo(self, size: int) -> bool:
        """Whether the last ``size`` samples of the line are the agent's audio."""
        if self._delay is not None and self._frames_learned >= _LEARNED:
            level = float(np.square(self._line[-size:]).mean())
            echo = self._gain * self._returned(self._delay, size)
            self._frames_by_level += 1
            if level > _VOICE * _MARGIN * echo or (level < _MARGIN * echo and self._frames_by_level % _AGAIN):
                return level < _MARGIN * echo
        delay, unique = self._likely_delay()
        if self._delay is None and not unique:
            return False
        power, rest = np.square(self._line), np.square(self._unexplained(delay))
        if self._delay is None and not self._found(delay, float(rest.sum() / power.sum())):
            return False
        frame_power = float(power[-size:].mean())
        returned = self._returned(delay, size)
        explained = float(rest[-size:].mean()) < _UNEXPLAINED * frame_power
        if explained and returned > 0:
            self._delay = delay
            rate = max(_LEARNING, 1 / (1 + self._frames_learned))
            self._gain += rate * (frame_power / returned - self._gain)
            self._frames_learned += 1
        return explained or (self._frames_learned >= _LEARNED and frame_power < _MARGIN * self._gain * returned)

    def _found(self, delay: int, unexplained: float) -> bool:
        """Whether the window shows that the line echoes with this delay; ``unexplained`` is a share of its power."""
        loud = np.count_nonzero(np.abs(self._line) > _AUDIBLE_RMS) > self._window // 3
        if not loud:
            return False
        if self._line_end - self._compared_at >= self._window:
            same = abs(delay - self._candidate) <= _SAME_MS * self._per_ms
            self._recurred = self._recurred + 1 if same else 1
            self._candidate, self._compared_at = delay, self._line_end
        if unexplained < _SURE or self._recurred >= _RECURRENCES:
            self._delay = delay
            return True
        return False

    def _returned(self, delay: int, size: int) -> float:
        """The power of the agent's audio that a room gives back now, before the line has weakened it."""
        block = _BLOCK_MS * self._per_ms
        agent = self._agent_until(self._line_end - delay, size + _BLOCKS * block)
        parts = [agent[agent.size - size - at * block : agent.size - at * block] for at in range(_BLOCKS)]
        return max(float(np.square(part).mean()) * 0.5**at for at, part in enumerate(parts))

    def _likely_delay(self) -> tuple[int, bool]:
        """The delay at which the line resembles the agent's audio most, and whether it does so at no other.

        Both are whitened by taking differences.
        """
        nearest, farthest = _NEAREST_MS * self._per_ms, _FARTHEST_MS * self._per_ms
        if self._delay is not None:
            drift = _DRIFT_MS * self._per_ms
            nearest, farthest = max(nearest, self._delay - drift), min(farthest, self._delay + drift)
        reach = farthest - nearest
        agent = self._agent_until(self._line_end - nearest, self._window + reach)
        line, agent = np.diff(self._line), np.diff(agent)
        size = 1 << (agent.size + line.size - 1).bit_length()
        alike = np.fft.irfft(np.fft.rfft(agent, size) * np.conj(np.fft.rfft(line, size)), size)[: reach + 1]
        sums = np.concatenate(([0.0], np.cumsum(np.square(agent, dtype=np.float64))))
        powers = sums[line.size : line.size + reach + 1] - sums[: reach + 1]
        likeness = np.square(alike) / np.maximum(powers, powers.max(initial=0.0) * 1e-3 + 1.0)
        best = int(np.argmax(likeness))
        same = round(_SAME_MS * self._per_ms)
        others = max(likeness[: max(0, best - same)].max(initial=0.0), likeness[best + same + 1 :].max(initial=0.0))
        return reach - best + nearest, bool(likeness[best] > _UNIQUE * others)

    def _unexplained(self, delay: int) -> Floats:
        """What is left of the line when the agent's audio of so long before is taken out by the best short filter."""
        taps, before = round(_SPREAD_MS * self._per_ms), round(_BEFORE_MS * self._per_ms)
        agent = self._agent_until(self._line_end - delay + before, self._window + taps - 1)
        given = np.lib.stride_tricks.sliding_window_view(agent, taps)
        squares = given.T @ given
        squares[np.diag_indices(taps)] += 1e-3 * float(np.trace(squares)) / taps + 1.0
        weights = np.linalg.solve(squares, given.T @ self._line)
        left: Floats = self._line - given @ weights
        return left

    def _agent_until(self, end: int, size: int) -> Floats:
        """So many samples of the agent's audio before position ``end``; silence where there is none."""
        after = min(size, max(0, end - self._agent_end))
        stop = max(0, self._agent.size - max(0, self._agent_end - end))
        known = self._agent[max(0, stop - size + after) : stop]
        return np.concatenate((np.zeros(size - after - known.size, np.float32), known, np.zeros(after, np.float32)))
