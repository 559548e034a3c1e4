"""`orchestra calls`: lists, shows, plays and exports recorded calls."""

from orchestra.cli.calls.show import register

__all__ = ["register"]
