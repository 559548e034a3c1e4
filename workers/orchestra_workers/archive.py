"""Writes the journal to the archive."""

from orchestra.archive.handlers import Archival

consumer = Archival().consumer
