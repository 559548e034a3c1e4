"""Calls whose carrier hears and speaks: the edge gets and gives text."""
