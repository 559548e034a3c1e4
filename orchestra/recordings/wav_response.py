"""A recording as the answer to an HTTP request: the WAV file, or the range of it that is asked for."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping

import structlog
from fastapi import HTTPException, Response
from fastapi.responses import StreamingResponse

from orchestra.recordings.store import StoredRecording

_LOG = structlog.get_logger("orchestra.recordings")

_BLOCK = 1 << 16
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


async def wav_response(
    stored: StoredRecording, call: str, range_header: str, headers: Mapping[str, str] | None = None
) -> Response:
    """The file of this call's recording, or the part that a Range header asks for; with these headers, too.

    Raises:
        HTTPException: 404, it is not there; 502, its store cannot be reached.

    """
    try:
        size = await asyncio.to_thread(stored.size)
    except FileNotFoundError:
        raise HTTPException(404, "the recording is no longer where it was saved") from None
    except OSError as error:
        _LOG.warning("recording.unreachable", call=call, error=repr(error))
        raise HTTPException(502, "the place of the recordings does not answer") from None
    answered = {
        "Accept-Ranges": "bytes",
        "Content-Disposition": f'inline; filename="{call}.wav"',
        "Cache-Control": "private, max-age=3600",
        **(headers or {}),
    }
    part = byte_range(range_header, size)
    if part is None:
        return Response(status_code=416, headers={**answered, "Content-Range": f"bytes */{size}"})
    status = 200
    if range_header and part != range(size):
        status, answered["Content-Range"] = 206, f"bytes {part.start}-{part.stop - 1}/{size}"
    answered["Content-Length"] = str(len(part))
    return StreamingResponse(_blocks(stored, part), status, answered, media_type="audio/wav")


async def _blocks(stored: StoredRecording, part: range) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(stored.open) as file:
        await asyncio.to_thread(file.seek, part.start)
        left = len(part)
        while left and (block := await asyncio.to_thread(file.read, min(left, _BLOCK))):
            left -= len(block)
            yield block


def byte_range(header: str, size: int) -> range | None:
    """The bytes that a Range header asks for; None if there are no such bytes.

    One range is served. Any other header, and one with several ranges, gets the whole file (RFC 9110, 14.2).
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None or match.groups() == ("", ""):
        return range(size)
    first, last = match.groups()
    if not first:
        return range(max(0, size - int(last)), size) if int(last) and size else None
    if int(first) >= size or (last and int(last) < int(first)):
        return None
    return range(int(first), min(int(last) + 1, size) if last else size)
