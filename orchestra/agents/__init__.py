"""What a user writes: agents, tools, rules, knowledge and the app that joins them. And how a turn of them runs."""

from orchestra.agents.agent import Agent
from orchestra.agents.app import App
from orchestra.agents.knowledge import Knowledge
from orchestra.agents.loader import load_app
from orchestra.agents.rule import Rule, Sentence, rule
from orchestra.agents.tool import Tool, ToolContext, tool

__all__ = ["Agent", "App", "Knowledge", "Rule", "Sentence", "Tool", "ToolContext", "load_app", "rule", "tool"]
