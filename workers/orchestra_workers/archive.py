"""Writes the journal to the archive."""

from orchestra.archive.handlers import ArchiveHandlers

consumer = ArchiveHandlers().consumer
