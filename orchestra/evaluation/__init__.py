"""A candidate app tried on recorded calls: compared, scored, reported."""
