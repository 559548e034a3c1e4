"""A process that runs consumers: the run-time of each, signals, health and metrics."""
