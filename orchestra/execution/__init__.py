"""Runs what agents ask for: prompts on models, tools, and rules on every sentence."""
