"""When the caller begins and ends to speak: voice activity, end-of-turn models, barge-in."""
