"""The offline model: a deterministic stand-in for trials and tests, without a key or a download; English only."""

from orchestra.execution.models.offline.model import OfflineModel

__all__ = ["OfflineModel"]
