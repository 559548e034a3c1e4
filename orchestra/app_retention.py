"""For how long the calls of some apps are kept, where that differs from the settings for all."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Days = Annotated[float, Field(ge=0)]


class AppRetention(BaseModel):
    """For one app; what is not given is as for all.

    Attributes:
        recordings_days: of recordings, from the start of the call; 0: for ever.
        archive_days: of events in the archive.
        callers_days: of callers' earlier calls.
        exports_days: of tasks in Label Studio, and of what evaluations and comparisons quote.

    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    recordings_days: Days | None = None
    archive_days: Days | None = None
    callers_days: Days | None = None
    exports_days: Days | None = None
