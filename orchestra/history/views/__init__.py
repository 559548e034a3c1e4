"""Views of a call's history, one file each: the dialogue, its transcript, a timeline, spans, a summary. Pure."""
