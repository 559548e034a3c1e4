"""The offline model: a deterministic stand-in for trials and tests, without a key or a download.

It is made for English; other languages it speaks as far as `by_language` goes.
"""

from orchestra.execution.models.offline.model import OfflineModel

__all__ = ["OfflineModel"]
