"""The options that say which app answers, shared by `compare`, `evaluate` and `simulate`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import typer

from orchestra.cli.ui.terminal import complain

if TYPE_CHECKING:
    from orchestra.evaluation.recorded_tools import Policy
    from orchestra.evaluation.sandbox import Candidate
    from orchestra.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class AppOptions:
    """What answers."""

    PANEL: ClassVar[str] = "Candidate"

    app: Annotated[str, typer.Option(metavar="MODULE:NAME", help="The app, if not the configured one.")] = ""
    model: Annotated[str, typer.Option(metavar="MODEL", help="The model for all agents.")] = ""
    prompt: Annotated[
        list[str] | None, typer.Option(metavar="AGENT=FILE", help="Another prompt for one agent; may be repeated.")
    ] = None

    def candidate(self, settings: "Settings", tools: "Policy" = "live") -> "Candidate":
        """The candidate; ``tools`` says what they do.

        Raises:
            UsageError: there is no such app, agent or file.

        """
        from orchestra.agents.loader import load_lines
        from orchestra.errors import UsageError
        from orchestra.evaluation.sandbox import Candidate, with_prompts
        from orchestra.execution.models.registry import OFFLINE

        prompts: dict[str, str | Path] = {}
        for each in self.prompt or ():
            agent, mark, file = each.partition("=")
            if not mark or not Path(file).is_file():
                msg = f"--prompt {each!r}: write it as AGENT=FILE; the file has to exist"
                raise UsageError(msg)
            prompts[agent] = Path(file)
        lines = load_lines(self.app or settings.app)
        settings = settings.model_copy(update={"model": self.model}) if self.model else settings
        if prompts and settings.model == OFFLINE:
            complain("the offline model reads no prompt, so --prompt changes nothing: name a model that does (--model)")
        return Candidate(
            app=with_prompts(lines.default if lines.plan is None else lines, prompts),
            settings=settings,
            only_model=bool(self.model),
            tools=tools,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateOptions(AppOptions):
    """What answers recorded calls, and what its tools do."""

    tools: Annotated[
        Literal["recorded", "live", "fail"],
        typer.Option(
            help="A tool call as recorded gets the recorded result. Any other call gets the result for the most "
            "similar recorded arguments, runs, or fails."
        ),
    ] = "recorded"
