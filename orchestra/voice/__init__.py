"""The voice edge: telephony, the pipeline of a call, speech engines, the simulated caller."""
