"""Keeps session records and recordings."""

from orchestra.storage.handlers import Persistence

consumer = Persistence().consumer
