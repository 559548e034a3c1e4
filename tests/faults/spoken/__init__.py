"""Calls in which every word is a pair of tones: what a caller heard can be read off the audio, word by word."""
