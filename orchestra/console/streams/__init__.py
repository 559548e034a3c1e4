"""Streams: consumer groups, dead letters, the tail of the journal, and the processes that are there."""
