"""Versions: which of them answer a line, what their calls were like, and who has changed their shares."""
