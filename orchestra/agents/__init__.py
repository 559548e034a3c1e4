"""Agents, tools, rules, knowledge, and the app that joins them; and the code that runs their turns."""

from orchestra.agents.agent import Agent
from orchestra.agents.app import App
from orchestra.agents.knowledge import Knowledge
from orchestra.agents.loader import load_app
from orchestra.agents.rule import Handoff, Rule, Sentence, ToolUse, rule
from orchestra.agents.tool import Tool, ToolContext, tool

__all__ = [
    "Agent",
    "App",
    "Handoff",
    "Knowledge",
    "Rule",
    "Sentence",
    "Tool",
    "ToolContext",
    "ToolUse",
    "load_app",
    "rule",
    "tool",
]
