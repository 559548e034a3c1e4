"""`orchestra judge`: judges give their verdicts on recorded calls."""

from orchestra.cli.judge.command import register

__all__ = ["register"]
