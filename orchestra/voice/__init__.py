"""The voice edge: carriers, one call, its audio and pipeline, speech engines, and the process that serves them."""
