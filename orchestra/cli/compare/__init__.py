"""`orchestra compare`: recorded calls played to an app, prompt or model."""

from orchestra.cli.compare.command import register

__all__ = ["register"]
