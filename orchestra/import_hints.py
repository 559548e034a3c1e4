"""The new names of packages of version 0.1, for apps and consumers written for it."""

_NOW = {
    "schemas": "events are imported from `orchestra.events` since 0.2: `from orchestra.events import CallStarted`",
    "workers": "handlers are imported from `orchestra` since 0.2: `from orchestra.agents.handlers import Orchestration`"
    " and `from orchestra.execution.handlers import Execution`",
}


def renamed(module: str | None) -> str:
    """What to import instead of a missing module of version 0.1; empty for any other module."""
    return _NOW.get((module or "").partition(".")[0], "")
