"""Stereo WAV files of calls: written while the call runs, stored, linked, found."""
