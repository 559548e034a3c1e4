"""Decides which agent answers, and what it does next."""

from orchestra.agents.handlers import Orchestration

consumer = Orchestration().consumer
