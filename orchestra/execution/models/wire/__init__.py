"""The chat completions protocol with the deviations of its many servers: requests, and the parsing of answers."""
