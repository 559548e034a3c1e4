"""Stepping in: listening to a running call, speaking in it, and what else an operator does to it."""
