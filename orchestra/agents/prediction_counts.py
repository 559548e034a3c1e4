"""Counts predicted turns and what the wrong predictions have cost, for the worker's metrics."""

from collections.abc import Callable, Iterable

from orchestra_schemas import PromptCompleted, ToolCompleted


class PredictionCounts:
    """Predicted turns of this process since its start.

    Attributes:
        made: turns that were predicted to be over.
        hits: those of them that ended as predicted.
        wasted_prompts: prompts of the others; ``wasted_prompt_tokens`` and ``wasted_completion_tokens`` are theirs.

    """

    def __init__(self) -> None:
        self.made = self.hits = 0
        self.wasted_prompts = self.wasted_prompt_tokens = self.wasted_completion_tokens = 0

    def withdraw(self, prompts: int, steps: Iterable[PromptCompleted | ToolCompleted], turn: int) -> None:
        """The work on this turn is discarded: it asked so many prompts, and these steps of the call have an answer."""
        self.wasted_prompts += prompts
        for step in steps:
            if isinstance(step, PromptCompleted) and step.turn == turn:
                self.add_tokens(step)

    def add_tokens(self, answer: PromptCompleted) -> None:
        """The answer to a prompt of a discarded turn."""
        self.wasted_prompt_tokens += answer.prompt_tokens
        self.wasted_completion_tokens += answer.completion_tokens

    def counters(self) -> dict[str, tuple[str, Callable[[], float]]]:
        """The metrics; see `Consumer.counters`."""
        return {
            "orchestra_predicted_turns_total": ("turns that were predicted to be over", lambda: self.made),
            "orchestra_predicted_turns_right_total": ("predicted turns that ended as predicted", lambda: self.hits),
            "orchestra_wasted_prompts_total": (
                "prompts of predicted turns that did not end there",
                lambda: self.wasted_prompts,
            ),
            "orchestra_wasted_prompt_tokens_total": (
                "tokens of wasted prompts",
                lambda: self.wasted_prompt_tokens,
            ),
            "orchestra_wasted_completion_tokens_total": (
                "tokens of answers to wasted prompts",
                lambda: self.wasted_completion_tokens,
            ),
        }
