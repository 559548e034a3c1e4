"""Telephone companies: what a call needs of one, and one folder for each."""
