"""Calls by simulated callers with a persona and a goal, by text or by voice, disturbed and scored."""
