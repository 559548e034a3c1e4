"""Language models behind one port."""

from orchestra.execution.models.port import Model, ModelAnswer, TextDelta
from orchestra.execution.models.registry import Models, opened_models

__all__ = ["Model", "ModelAnswer", "Models", "TextDelta", "opened_models"]
