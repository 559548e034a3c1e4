"""Carriers (telephone companies): the port that a call needs, and one folder for each carrier."""
