"""What a consumer is, and the run-time that runs it on its partitions."""
