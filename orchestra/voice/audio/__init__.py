"""A call's audio: clock, codecs, chunks, sample rates."""
