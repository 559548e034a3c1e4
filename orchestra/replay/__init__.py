"""What analysts do with recorded calls: ask, replay, compare, evaluate."""
