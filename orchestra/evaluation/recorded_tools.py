"""Tool results from a recording, so that a comparison has no side effects."""

from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher
from typing import Any, Literal

from orchestra.agents.builtin import ACTS_ON_CALL, collect_digits
from orchestra.history.views.turn_summaries import Answered, ToolSummary, canonical
from orchestra_schemas import ToolRequested

Policy = Literal["recorded", "live", "fail"]

#: the platform's own tools, which only affect the sandbox, and the search in the candidate's own knowledge. What the
#: recorded caller has typed is in the recording
_OWN = (ACTS_ON_CALL | {"search_knowledge"}) - {collect_digits.name}
_NOT_RECORDED = "{name} failed: the recording has no answer to it, and tools are not run in this comparison."


class RecordedTools:
    """Answers tool calls from the recording if name and arguments match.

    Args:
        policy: what happens to a call that does not match. ``recorded``: it gets the result of the recorded call of the
            same tool with the most similar arguments, and fails if there is none; ``live``: the tool runs; ``fail``: it
            fails.

    """

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._recorded: dict[str, list[ToolSummary]] = {}
        self._used: dict[str, set[int]] = {}
        self._answered: dict[str, Answered] = {}
        self._noted: dict[str, dict[str, Any]] = {}
        self._variables: dict[str, dict[str, Any]] = {}

    def enter(self, call: str, steps: Iterable[ToolSummary], variables: Mapping[str, Any] | None = None) -> None:
        """Set the recorded tool calls and variables of a call; ``""`` is the call whose id is not known yet."""
        self._recorded[call] = list(steps)
        self._variables[call] = dict(variables or {})
        self._used[call] = set()

    def answered(self, request: str) -> Answered:
        """The origin of the result for this request."""
        return self._answered.get(request, "tool")

    def noted(self, request: str) -> dict[str, Any]:
        """What the recorded tool noted in the call's state, if its result was used for this request."""
        return self._noted.pop(request, {})

    def variables(self, call: str) -> dict[str, Any]:
        """What the recorded app knew of its call."""
        return self._variables.get(call, self._variables.get("", {}))

    def __call__(self, event: ToolRequested) -> tuple[bool, str] | None:
        """Whether the call fails, and its result; None to run the tool."""
        if event.name in _OWN:
            return None
        known = event.call if event.call in self._recorded else ""
        steps, used = self._recorded.get(known, []), self._used.setdefault(known, set())
        wanted = canonical(event.arguments)
        same = [at for at, step in enumerate(steps) if step.name == event.name and canonical(step.arguments) == wanted]
        if same:  # of a repeated question each result in turn, then the last one
            at = next((at for at in same if at not in used), same[-1])
            used.add(at)
            return self._answer(event, steps[at], "recording")
        if event.name == collect_digits.name and self.policy != "fail":
            return None  # the recorded caller presses the keys
        if self.policy == "live":
            return None
        others = [step for step in steps if step.name == event.name] if self.policy == "recorded" else []
        if others:
            best = max(others, key=lambda step: SequenceMatcher(None, canonical(step.arguments), wanted).ratio())
            return self._answer(event, best, "similar")
        self._answered[event.id] = "refused"
        return True, _NOT_RECORDED.format(name=event.name)

    def _answer(self, event: ToolRequested, step: ToolSummary, answered: Answered) -> tuple[bool, str]:
        self._answered[event.id] = answered
        self._noted[event.id] = step.noted
        return step.failed, step.result
