"""`orchestra demo`: the whole system started, and called."""

from orchestra.cli.demo.command import register

__all__ = ["register"]
