"""`orchestra talk`: a telephone in the terminal, with this machine's microphone and loudspeaker."""

from orchestra.cli.talk.command import register

__all__ = ["register"]
