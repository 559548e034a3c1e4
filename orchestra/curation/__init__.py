"""Finished calls become tasks of a labelling project, and their annotations become an evaluation set."""
