"""Calls: the list of all of them, found by what happened in them."""
