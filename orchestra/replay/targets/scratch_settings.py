"""Settings of a server that exists for one replay."""

from pathlib import Path

from orchestra.settings import Settings

_KEPT_S = 10 * 365 * 86_400.0


def scratch_settings(settings: Settings, folder: Path, url: str) -> Settings:
    """The same settings with another server and folder, with nothing that leaves this machine, and without trimming."""
    return settings.model_copy(
        update={
            "redis_url": url,
            "data_dir": folder,
            "journal_retention_s": _KEPT_S,
            "media_retention_s": _KEPT_S,
            "lost_call_s": _KEPT_S,
            "recordings_dir": None,
            "recordings_url": None,
            "archive_dir": None,
            "archive_url": None,
            "openobserve_url": None,
            "otlp_url": None,
            "label_studio_url": None,
            "redact_at_rest": False,
        }
    )
