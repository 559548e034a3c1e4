"""Runs prompts and tools."""

from orchestra.execution.handlers import Execution

consumer = Execution().consumer
