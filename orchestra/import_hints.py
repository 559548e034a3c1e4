"""What packages of 0.1 are called now, for apps and consumers that were written for it."""

_NOW = {
    "schemas": "events are imported from `orchestra.events` since 0.2: `from orchestra.events import CallStarted`",
    "workers": "handlers are imported from `orchestra` since 0.2: `from orchestra.agents.handlers import Orchestration`"
    " and `from orchestra.execution.handlers import Execution`",
}


def renamed(module: str | None) -> str:
    """What to import instead of a module of 0.1 that is not there; empty for any other module."""
    return _NOW.get((module or "").partition(".")[0], "")
