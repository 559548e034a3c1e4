"""The options that say what recorded calls are played to, shared by `compare` and `evaluate`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import typer

if TYPE_CHECKING:
    from orchestra.evaluation.sandbox import Candidate
    from orchestra.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateOptions:
    """What answers, and what its tools do."""

    PANEL: ClassVar[str] = "Candidate"

    app: Annotated[str, typer.Option(metavar="MODULE:NAME", help="The app, if not the configured one.")] = ""
    model: Annotated[str, typer.Option(metavar="MODEL", help="The model for all agents.")] = ""
    prompt: Annotated[
        list[str] | None, typer.Option(metavar="AGENT=FILE", help="Another prompt for one agent; may be repeated.")
    ] = None
    tools: Annotated[
        Literal["recorded", "live", "fail"],
        typer.Option(
            help="A tool call as recorded gets the recorded result. Any other call gets the result for the most "
            "similar recorded arguments, runs, or fails."
        ),
    ] = "recorded"

    def candidate(self, settings: "Settings") -> "Candidate":
        """The candidate.

        Raises:
            UsageError: there is no such app, agent or file.

        """
        from orchestra.agents.loader import load_lines
        from orchestra.errors import UsageError
        from orchestra.evaluation.sandbox import Candidate, with_prompts

        prompts: dict[str, str | Path] = {}
        for each in self.prompt or ():
            agent, mark, file = each.partition("=")
            if not mark or not Path(file).is_file():
                msg = f"--prompt {each!r}: write it as AGENT=FILE; the file has to exist"
                raise UsageError(msg)
            prompts[agent] = Path(file)
        lines = load_lines(self.app or settings.app)
        return Candidate(
            app=with_prompts(lines.default if lines.plan is None else lines, prompts),
            settings=settings.model_copy(update={"model": self.model}) if self.model else settings,
            only_model=bool(self.model),
            tools=self.tools,
        )
