"""`orchestra replay`: recorded events shown again, copied, or put through a consumer."""

from orchestra.cli.replay.command import register

__all__ = ["register"]
