"""Calls in which every word is a pair of tones, so that a test can read the words off the caller's audio."""
