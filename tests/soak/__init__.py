"""A day in an hour: callers all the time, everything killed at random, and in the end every account is settled."""
