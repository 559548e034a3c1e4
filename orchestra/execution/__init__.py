"""Runs what the agents ask for: prompts on a model, tools, rules on what is said."""
