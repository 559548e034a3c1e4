"""`orchestra compare`: recorded calls put to another version of the app."""

from orchestra.cli.compare.command import register

__all__ = ["register"]
