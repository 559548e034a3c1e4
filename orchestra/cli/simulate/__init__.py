"""`orchestra simulate`: simulated callers call the app."""

from orchestra.cli.simulate.command import register

__all__ = ["register"]
