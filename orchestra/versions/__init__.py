"""Versions of an app that answer the same line: their shares of its calls, changed while the system runs."""
