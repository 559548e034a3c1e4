"""Figures: what the calls sum up to, by day, app, version and agent."""
