"""After the call: the recording is stored, the transcript is curated, the call is analysed."""

from typing import Any, ClassVar

import msgspec

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


class Verdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a judge says of a call.

    Attributes:
        judge: its name.
        version: a hash of what it judges by; verdicts of one version can be compared.
        passed: whether the call meets the criterion; None: the judge cannot tell, and ``reason`` or ``error`` says why.
        reason: in one or two sentences.
        turns: numbers of the turns that it refers to.
        error: why there is no verdict, if the judge failed.

    """

    judge: str
    version: str = ""
    passed: bool | None = None
    reason: str = ""
    turns: tuple[int, ...] = ()
    error: str = ""


class CallAnalysed(Event, frozen=True, kw_only=True):
    """What was found out about a call that has ended, as its app asks (`orchestra.After`).

    A call may have several, the later ones with the verdicts of further judges alone: of each judge, the last verdict
    counts.

    Attributes:
        app: whose analysis it is.
        summary: of the call, in the call's language; empty: none was asked for, or no model could be asked.
        extracted: the app's struct: valid values by field.
        not_extracted: why a field has no value, by its name.
        verdicts: one of each judge.
        success: whether the caller got what they wanted, as the app decides; None: it does not say.
        success_reason: why.
        model: that answered; empty: none was asked.
        prompt_tokens: of all prompts together, as the server counted them; ``completion_tokens`` likewise.
        tokens_of: both counts by model, where several were asked.
        duration_ms: how long it took.
        errors: what failed, one sentence each; the rest is there.

    """

    family: ClassVar[str] = "afterwards"
    app: str = ""
    summary: str = ""
    extracted: dict[str, Any] = msgspec.field(default_factory=dict)
    not_extracted: dict[str, str] = msgspec.field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()
    success: bool | None = None
    success_reason: str = ""
    model: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    tokens_of: dict[str, tuple[int, int]] = msgspec.field(default_factory=dict)
    duration_ms: float = 0.0
    errors: tuple[str, ...] = ()
