"""The Pipecat pipeline of one call: from the line to the caller's words, and from replies to the line."""
