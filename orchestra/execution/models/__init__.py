"""Language models, implementing one port."""

from orchestra.execution.models.port import Model, ModelAnswer, TextDelta
from orchestra.execution.models.registry import ModelRegistry, open_models

__all__ = ["Model", "ModelAnswer", "ModelRegistry", "TextDelta", "open_models"]
