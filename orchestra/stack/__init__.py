"""The whole system on one machine: server, workers and edges as processes, started and stopped together."""

from orchestra.stack.launch import WORKERS, stack, workers_of
from orchestra.stack.run_file import RunningStack, find_running_stack

__all__ = ["WORKERS", "RunningStack", "find_running_stack", "stack", "workers_of"]
