"""Recorded events from anywhere to anywhere: sources, pace, rewriting, targets."""
