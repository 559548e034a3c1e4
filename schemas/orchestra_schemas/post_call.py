"""After the call: the recording is stored, the transcript is curated."""

from typing import ClassVar

from orchestra_schemas.event import Event


class RecordingSaved(Event, frozen=True, kw_only=True):
    """The stereo recording (left: caller, right: agent) is complete at ``url``.

    ``missing_ms`` of it are silence: audio that could not be written, that was lost with an edge, or that nobody
    received while the call had no edge.
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
