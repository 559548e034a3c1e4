"""After the call: its recording is kept, its transcript is curated."""

from typing import ClassVar

from orchestra_schemas.event import Event


class RecordingSaved(Event, frozen=True, kw_only=True):
    """The stereo recording (left: caller, right: agent) is complete at ``url``.

    ``missing_ms`` of it are silence because the audio could not be written, or went with the edge that had the call, or
    because no edge had the call for a while.
    """

    family: ClassVar[str] = "afterwards"
    url: str
    duration_s: float = 0.0
    sample_rate: int = 8000
    missing_ms: int = 0


class TranscriptCurated(Event, frozen=True, kw_only=True):
    """The call's transcript is a task in the labelling project."""

    family: ClassVar[str] = "afterwards"
    project: str
    task: str
