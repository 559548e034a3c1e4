"""A Redis server, and the connection to it."""
