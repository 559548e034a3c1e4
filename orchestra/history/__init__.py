"""A call's journal read as a model: turns, dialogue, summary, usage, what an edge resumes from. Pure."""
