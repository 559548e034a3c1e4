"""One call: conversation, turn taking, what was played, how long the caller waited."""
