"""Orchestra answers phone calls with a team of AI agents, and keeps every call as a replayable stream of events.

Names are loaded when they are first used, so that ``import orchestra`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestra.agents.after import After, Judge
    from orchestra.agents.agent import Agent
    from orchestra.agents.app import App
    from orchestra.agents.builtin import collect_digits, press_keys, stop_recording
    from orchestra.agents.knowledge import Knowledge
    from orchestra.agents.lines import Line, Lines
    from orchestra.agents.loader import load_app
    from orchestra.agents.mcp import mcp_tools
    from orchestra.agents.new_call import NewCall
    from orchestra.agents.rule import Handoff, Sentence, ToolUse, rule
    from orchestra.agents.tool import Tool, ToolContext, tool
    from orchestra.bus import Bus, Consumer, Context, EmbeddedServer
    from orchestra.endpointing import Endpointing
    from orchestra.errors import ToolFailed
    from orchestra.evaluation.simulation.disturbances import Disturbances
    from orchestra.evaluation.simulation.scenario import Scenario
    from orchestra.lines.hours import Hours

_PLACES = {
    "After": "orchestra.agents.after",
    "Agent": "orchestra.agents.agent",
    "App": "orchestra.agents.app",
    "Bus": "orchestra.bus",
    "Consumer": "orchestra.bus",
    "Context": "orchestra.bus",
    "Disturbances": "orchestra.evaluation.simulation.disturbances",
    "EmbeddedServer": "orchestra.bus",
    "Endpointing": "orchestra.endpointing",
    "Handoff": "orchestra.agents.rule",
    "Hours": "orchestra.lines.hours",
    "Judge": "orchestra.agents.after",
    "Knowledge": "orchestra.agents.knowledge",
    "Line": "orchestra.agents.lines",
    "Lines": "orchestra.agents.lines",
    "NewCall": "orchestra.agents.new_call",
    "Scenario": "orchestra.evaluation.simulation.scenario",
    "Sentence": "orchestra.agents.rule",
    "Tool": "orchestra.agents.tool",
    "ToolContext": "orchestra.agents.tool",
    "ToolFailed": "orchestra.errors",
    "ToolUse": "orchestra.agents.rule",
    "collect_digits": "orchestra.agents.builtin",
    "load_app": "orchestra.agents.loader",
    "mcp_tools": "orchestra.agents.mcp",
    "press_keys": "orchestra.agents.builtin",
    "rule": "orchestra.agents.rule",
    "stop_recording": "orchestra.agents.builtin",
    "tool": "orchestra.agents.tool",
}

__all__ = [
    "After",
    "Agent",
    "App",
    "Bus",
    "Consumer",
    "Context",
    "Disturbances",
    "EmbeddedServer",
    "Endpointing",
    "Handoff",
    "Hours",
    "Judge",
    "Knowledge",
    "Line",
    "Lines",
    "NewCall",
    "Scenario",
    "Sentence",
    "Tool",
    "ToolContext",
    "ToolFailed",
    "ToolUse",
    "collect_digits",
    "load_app",
    "mcp_tools",
    "press_keys",
    "rule",
    "stop_recording",
    "tool",
]


def __getattr__(name: str) -> Any:
    place = _PLACES.get(name)
    if place is None:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(place), name)
