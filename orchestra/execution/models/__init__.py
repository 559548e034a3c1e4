"""Language models behind one port."""

from orchestra.execution.models.chosen import Models, opened_models
from orchestra.execution.models.port import Model, ModelAnswer, TextDelta

__all__ = ["Model", "ModelAnswer", "Models", "TextDelta", "opened_models"]
