"""`orchestra replay`: recorded calls printed, copied, or given to a consumer."""

from orchestra.cli.replay.command import register

__all__ = ["register"]
