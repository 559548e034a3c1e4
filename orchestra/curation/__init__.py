"""Finished calls become tasks of a labelling project, and what people say of them an evaluation set."""
