"""`orchestra doctor`: checks installation, settings, connectivity and keys."""

from orchestra.cli.doctor.command import register

__all__ = ["register"]
