"""The offline model: deterministic, without a key or a download, so that everything can be tried and tested."""

from orchestra.execution.models.offline.model import OfflineModel

__all__ = ["OfflineModel"]
