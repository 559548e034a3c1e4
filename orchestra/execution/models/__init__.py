"""Language models behind one port."""

from orchestra.execution.models.port import Model, ModelAnswer, TextDelta

__all__ = ["Model", "ModelAnswer", "TextDelta"]
