"""A stereo recording that is written during the call and is a complete WAV file at any time.

Form of the header: RIFF WAVE with one ``fmt`` and one ``data`` chunk, 16-bit PCM (Microsoft, Multiple Channel Audio
Data and WAVE Files).
"""

import os
import re
import struct
from collections import OrderedDict
from pathlib import Path
from types import TracebackType
from typing import Self

from orchestra.errors import RejectedError

_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_PCM = 1
_SAMPLE_BYTES = 2
_FRAME_BYTES = 2 * _SAMPLE_BYTES
#: the largest size that the header can express, far beyond any call's time limit
_LARGEST = 2**32 - 1 - _HEADER.size
_TELEPHONE_RATE = 8_000
#: sample rates of calls
_RATES = range(8_000, 48_001)
#: the channel of each side, as the place of its sample in a frame
_SIDES = {"caller": 0, "agent": _SAMPLE_BYTES}
_CALL_ID = re.compile(r"[0-9A-Za-z-]{1,64}")


class Recording:
    """One call's WAV file: 16-bit PCM, the caller on the left, the agent on the right.

    Every chunk has its position, so chunks can come in any order and repeatedly, and what never came is silence. The
    header is updated after each write, so that the file can be played after a crash.

    Args:
        path: the file; it is created with its folder, or continued if it exists.

    Attributes:
        sample_rate: in Hz: that of the file, or, while the file is empty, of the first chunk. Chunks with another rate
            are rejected.

    Raises:
        OSError: the file cannot be opened or written.

    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._frames = max(0, os.fstat(self._file).st_size - _HEADER.size) // _FRAME_BYTES
        self.sample_rate = sample_rate_of(os.pread(self._file, _HEADER.size, 0)) if self._frames else _TELEPHONE_RATE
        try:
            self._write_header()
        except OSError:
            os.close(self._file)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def duration_s(self) -> float:
        """The length so far, in seconds."""
        return self._frames / self.sample_rate

    def write(self, speaker: str, offset_ms: int, audio: bytes, *, sample_rate: int) -> None:
        """Write ``audio`` (16-bit little-endian mono samples) at ``offset_ms`` on the speaker's channel.

        Raises:
            RejectedError: the speaker is no side of the call, the rate differs, a sample is cut, or the offset is
                beyond what the format can hold.
            OSError: it cannot be written, like on a full disk; the file stays a complete WAV file.

        """
        if speaker not in _SIDES:
            msg = f"audio of {speaker!r}, who is no side of the call"
            raise RejectedError(msg)
        if not self._frames and sample_rate in _RATES:
            self.sample_rate = sample_rate
        if sample_rate != self.sample_rate:
            msg = f"audio of {sample_rate} Hz in a recording of {self.sample_rate} Hz"
            raise RejectedError(msg)
        if len(audio) % _SAMPLE_BYTES or offset_ms < 0:
            msg = f"audio of {len(audio)} bytes at {offset_ms} ms is not a whole number of samples, or before the call"
            raise RejectedError(msg)
        first = offset_ms * self.sample_rate // 1000
        count = len(audio) // _SAMPLE_BYTES
        if (first + count) * _FRAME_BYTES > _LARGEST:
            msg = f"audio at {offset_ms} ms is beyond what one recording can hold"
            raise RejectedError(msg)
        position = _HEADER.size + first * _FRAME_BYTES
        frames = bytearray(os.pread(self._file, count * _FRAME_BYTES, position))
        frames.extend(bytes(count * _FRAME_BYTES - len(frames)))
        side = _SIDES[speaker]
        frames[side::_FRAME_BYTES] = audio[0::_SAMPLE_BYTES]
        frames[side + 1 :: _FRAME_BYTES] = audio[1::_SAMPLE_BYTES]
        try:
            self._write_all(frames, position)
        except OSError:
            # remove a partial write beyond the end, which the header's sizes do not include
            os.ftruncate(self._file, min(os.fstat(self._file).st_size, _HEADER.size + self._frames * _FRAME_BYTES))
            raise
        if first + count > self._frames:
            # read the file's size, because another worker may have written to it in the meantime
            self._frames = (os.fstat(self._file).st_size - _HEADER.size) // _FRAME_BYTES
            self._write_header()

    def silence(self, speaker: str, start_ms: int, end_ms: int) -> None:
        """Make this stretch of the speaker's channel silent, as far as the file goes.

        Raises:
            RejectedError: the speaker is no side of the call.
            OSError: it cannot be written.

        """
        samples = min(end_ms * self.sample_rate // 1000, self._frames) - start_ms * self.sample_rate // 1000
        if samples > 0:
            self.write(speaker, start_ms, bytes(samples * _SAMPLE_BYTES), sample_rate=self.sample_rate)

    def close(self) -> None:
        """Sync the file to the disk and close it; closing it again does nothing."""
        if self._file >= 0:
            os.fsync(self._file)
            os.close(self._file)
            self._file = -1

    def _write_header(self) -> None:
        size = self._frames * _FRAME_BYTES
        header = _HEADER.pack(
            b"RIFF", _HEADER.size - 8 + size, b"WAVE",
            b"fmt ", 16, _PCM, 2, self.sample_rate, self.sample_rate * _FRAME_BYTES, _FRAME_BYTES, 8 * _SAMPLE_BYTES,
            b"data", size,
        )  # fmt: skip
        self._write_all(header, 0)

    def _write_all(self, data: bytes | bytearray, position: int) -> None:
        left = memoryview(data)
        while left:  # a disk that fills up accepts a part and refuses the rest
            written = os.pwrite(self._file, left, position)
            left, position = left[written:], position + written


def sample_rate_of(header: bytes) -> int:
    """The sample rate in the header of a recording, in Hz; the telephone's if it is not one that calls have."""
    rate = _HEADER.unpack(header)[7] if len(header) == _HEADER.size else 0
    return rate if rate in _RATES else _TELEPHONE_RATE


class RecordingFiles:
    """The recordings of running calls in one folder; those written last are kept open.

    Args:
        folder: has one file for each call, ``<call id>.wav``.
        keep_open: how many files are open at most.

    """

    def __init__(self, folder: Path, *, keep_open: int = 256) -> None:
        self.folder = folder
        self._keep_open = keep_open
        self._open: OrderedDict[str, Recording] = OrderedDict()

    def of(self, call: str) -> Recording:
        """The call's recording, opened if necessary.

        Raises:
            RejectedError: the call id is not safe as a file name.
            OSError: the file cannot be opened.

        """
        recording = self._open.get(call)
        if recording is None:
            recording = self._open[call] = Recording(self.path(call))
            if len(self._open) > self._keep_open:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(call)
        return recording

    def path(self, call: str) -> Path:
        """The file of the call's recording while the call is running.

        Raises:
            RejectedError: the call id is not safe as a file name.

        """
        if not _CALL_ID.fullmatch(call):
            msg = f"call id {call!r} cannot be the name of a recording"
            raise RejectedError(msg)
        return self.folder / f"{call}.wav"

    def has_begun(self, call: str) -> bool:
        """Whether there is a file of the call here; of a call that can have none, too, none is missing."""
        return call in self._open or not _CALL_ID.fullmatch(call) or self.path(call).exists()

    def is_open(self, call: str) -> bool:
        """Whether this process has the file open."""
        return call in self._open

    def close(self, call: str | None = None) -> None:
        """Close the recording of one call, or all."""
        for each in [call] if call is not None else list(self._open):
            recording = self._open.pop(each, None)
            if recording is not None:
                recording.close()
