"""Everything that knows AutoGen: its AssistantAgents run a turn, with prompts and tools in other processes.

`next_step` decides what happens; AutoGen is extended at its official interfaces to follow it: a ChatCompletionClient
that requests prompts, a Workbench that requests tools, and a ChatCompletionContext over the call's own memory. Agents
are built for each turn (0.05 ms) over that one context; an AutoGen Team would cost 20 ms and keep a copy of the history
per agent. Faults of AutoGen 0.7.5 that are handled here:

* a Workbench whose ``call_tool`` raises, also by cancellation, hangs the agent for ever: `ToolBench` never raises;
* arguments of a handoff that are not an object do the same: `usable_calls` takes them out;
* after a cancelled tool the agent goes on to its next prompt: `PromptClient` looks at the token before it asks.
"""

from importlib.util import find_spec

from orchestra.errors import MissingExtraError

if find_spec("autogen_agentchat") is None:
    _MISSING = "agents run on AutoGen, which is not installed: pip install 'orchestra-voice[agents]'"
    raise MissingExtraError(_MISSING)

from orchestra.agents.autogen.state import TurnState
from orchestra.agents.autogen.toolset import AgentToolset
from orchestra.agents.autogen.turn import AgentTurn

__all__ = ["AgentToolset", "AgentTurn", "TurnState"]
