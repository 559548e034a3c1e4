"""`orchestra simulate`: callers with a goal call the app, and what is true afterwards decides."""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import typer

from orchestra.cli.compare.command import progress_of
from orchestra.cli.ui.candidate_options import AppOptions
from orchestra.cli.ui.option_groups import option_groups
from orchestra.cli.ui.selection_options import SOURCE_HELP
from orchestra.cli.ui.terminal import complain, say, say_json
from orchestra.cli.ui.write_errors import writing

if TYPE_CHECKING:
    from orchestra.evaluation.sandbox import Candidate
    from orchestra.evaluation.simulation.runs import Conversation, HeldCall, SimulatedRun
    from orchestra.evaluation.simulation.scenario import Scenario
    from orchestra.evaluation.simulation.simulate import PlaysCaller, Simulation
    from orchestra.settings import Settings

SimulatedLine = Literal["twilio", "browser", "telnyx", "plivo", "vonage", "sip"]

#: an edge on this machine, with local speech, holds few calls at a time
_AT_A_TIME, _AT_A_TIME_BY_VOICE = 8, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationOptions:
    """Which calls are made."""

    PANEL: ClassVar[str] = "Simulation"

    only: Annotated[
        list[str] | None, typer.Option(metavar="SCENARIO", help="Only the scenario of this name; may be repeated.")
    ] = None
    repeat: Annotated[int, typer.Option(min=1, max=1000, help="How often each scenario's caller calls.")] = 1
    seed: Annotated[
        int, typer.Option(min=0, help="Of the first run; the next has the next. The same seed disturbs a call alike.")
    ] = 1
    at_a_time: Annotated[
        int | None,
        typer.Option(min=1, max=256, help="How many calls are held at the same time. Default: 8, by voice 2."),
    ] = None
    voice: Annotated[
        bool, typer.Option("--voice/--text", help="Call a real edge, speak and listen, in real time; or as text.")
    ] = False
    line: Annotated[SimulatedLine, typer.Option(help="By which line, with --voice.")] = "twilio"
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="With --voice: record each call there, as a stereo WAV file: caller left, agent right.",
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedOptions:
    """Scenarios from recorded calls; nobody calls then."""

    PANEL: ClassVar[str] = "From recorded calls"

    from_call: Annotated[
        list[str] | None,
        typer.Option("--from", metavar="CALL", help="Write a scenario from this call, as YAML; may be repeated."),
    ] = None
    to: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it to this file, not to the terminal.")] = None
    source: Annotated[str, typer.Option(metavar="SOURCE", help=SOURCE_HELP)] = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """What is written, and when the exit code is 1."""

    PANEL: ClassVar[str] = "Output"

    as_json: Annotated[bool, typer.Option("--json", help="Print the simulation as one JSON object.")] = False
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the simulation to this file, as one HTML page.")
    ] = None
    journals: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write the journal of each call to this folder.")
    ] = None
    forget: Annotated[bool, typer.Option("--forget", help="Do not keep this simulation.")] = False
    min_pass: Annotated[
        float,
        typer.Option(min=0, max=1, metavar="SHARE", help="Exit with 1 if a smaller share of the valid runs passes."),
    ] = 1.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(simulate)


@option_groups
def simulate(
    *,
    scenarios: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Python or YAML files, or folders with them. Default: scenarios.py or .yaml beside the app, or a "
            "folder of this name."
        ),
    ] = None,
    answering: AppOptions,
    options: SimulationOptions,
    recorded: RecordedOptions,
    output: OutputOptions,
) -> None:
    """Have simulated callers call the app, and check what is true afterwards.

    The app's tools really run, with what its lifespan opens or a scenario puts in its place. Exits with 1 if too few
    runs pass, or a scenario has no valid run.
    """
    import uvloop

    from orchestra.log import quiet_logging
    from orchestra.settings import load_settings

    settings = load_settings()
    quiet_logging(settings, "simulate")
    if recorded.from_call:
        uvloop.run(_from_recorded(settings, recorded))
        return
    candidate = answering.candidate(settings)
    chosen = _chosen(scenarios or [], options.only or [], answering.app or settings.app)
    write_html = _html_writer(output.html)
    found = uvloop.run(_simulate(candidate, chosen, options, output.journals, answering.app))
    kept = _keep(settings, found, output)
    if output.as_json:
        say_json(found)
    else:
        from orchestra.cli.simulate.view import show_simulation
        from orchestra.cli.ui.console import terminal

        show_simulation(terminal(), found, kept)
    write_html(found)
    _check(found, output.min_pass)


def _chosen(places: list[Path], only: list[str], app: str) -> "tuple[Scenario, ...]":
    from orchestra.errors import UsageError
    from orchestra.evaluation.simulation.scenario_files import load_scenarios

    found = load_scenarios(places, app)
    names = [scenario.name for scenario in found]
    for name in only:
        if name not in names:
            msg = f"there is no scenario {name!r}: choose among {', '.join(names)}"
            raise UsageError(msg)
    return tuple(scenario for scenario in found if scenario.name in only or not only)


async def _simulate(
    candidate: "Candidate",
    scenarios: "tuple[Scenario, ...]",
    options: SimulationOptions,
    journals: Path | None,
    app: str,
) -> "Simulation":
    from orchestra.evaluation.simulation.criteria import open_judge
    from orchestra.evaluation.simulation.simulate import Simulator
    from orchestra.evaluation.simulation.simulate import simulate as run_scenarios

    async with AsyncExitStack() as stack:
        plays_caller = await stack.enter_async_context(_personas(candidate.settings))
        for scenario in scenarios:
            plays_caller(scenario, options.seed)  # what a caller lacks is said before anybody calls
        asks_judge = await stack.enter_async_context(open_judge(candidate.settings, scenarios))
        conversation = await stack.enter_async_context(_conversations(candidate, options, app))
        simulator = Simulator(
            candidate=candidate,
            conversation=conversation,
            plays_caller=plays_caller,
            asks_judge=asks_judge,
            keep=_journal_writer(journals),
        )
        calls = len(scenarios) * options.repeat
        progress = stack.enter_context(progress_of(calls))
        task = None if progress is None else progress.add_task("simulating", total=calls)
        advance = None if progress is None or task is None else partial(progress.advance, task)
        return await run_scenarios(
            scenarios,
            simulator,
            by="voice" if options.voice else "text",
            persona=candidate.settings.persona_model,
            repeat=options.repeat,
            seed=options.seed,
            at_a_time=options.at_a_time or (_AT_A_TIME_BY_VOICE if options.voice else _AT_A_TIME),
            done=lambda _: None if advance is None else advance(),
        )


def _conversations(
    candidate: "Candidate", options: SimulationOptions, app: str
) -> "AbstractAsyncContextManager[Conversation]":
    if not options.voice:
        from orchestra.evaluation.simulation.text_conversation import open_text_conversations

        return open_text_conversations(candidate)
    from orchestra.cli.ui.requires_extra import needs_extra

    with needs_extra("voice", "local"):
        from orchestra.voice.pipeline.pipecat_logging import redirect_pipecat_log

        redirect_pipecat_log()  # it greets with a banner when it is imported
        from orchestra.evaluation.simulation.voice_conversation import open_voice_conversations
    return open_voice_conversations(candidate, app=app, line=options.line, recordings=options.save)


@asynccontextmanager
async def _personas(settings: "Settings") -> "AsyncIterator[PlaysCaller]":
    """Who plays the callers: the model of the settings, or the scenario's own words."""
    from orchestra.evaluation.simulation.rule_based_persona import RuleBasedPersona

    if not settings.persona_model:
        yield lambda scenario, _: RuleBasedPersona(scenario, scenario.language or "en")
        return
    from orchestra.evaluation.simulation.model_persona import ModelPersona, open_persona_model
    from orchestra.language import find_language

    async with open_persona_model(settings) as model:
        yield lambda scenario, seed: ModelPersona(
            scenario, model, seed=seed, language=find_language(scenario.language or "en").name
        )


def _journal_writer(folder: Path | None) -> "Callable[[SimulatedRun, HeldCall], None]":
    if folder is None:
        return lambda _run, _held: None
    from orchestra.history.views.transcript import json_lines

    def write(run: "SimulatedRun", held: "HeldCall") -> None:
        file = folder / f"{run.scenario}-{run.seed}.jsonl"
        with writing(file):
            folder.mkdir(parents=True, exist_ok=True)
            file.write_bytes(json_lines(held.events))

    return write


def _html_writer(file: Path | None) -> "Callable[[Simulation], None]":
    """What writes the page; an extra that is missing is reported before anybody calls."""
    if file is None:
        return lambda _: None
    from orchestra.cli.ui.requires_extra import needs_extra

    with needs_extra("analysis"):
        from orchestra.evaluation.simulation_page import simulation_report

    def write(found: "Simulation") -> None:
        with writing(file):
            file.write_text(simulation_report(found, f"Simulated calls of {found.version}"), "utf-8")

    return write


def _keep(settings: "Settings", found: "Simulation", output: OutputOptions) -> Path | None:
    from orchestra.evaluation.results import keep_simulation

    if output.forget:
        return None
    with writing(settings.data_dir):
        return keep_simulation(settings.data_dir, found)


def _check(found: "Simulation", min_pass: float) -> None:
    """End with exit code 1 and the reasons if too few runs pass."""
    from orchestra.evaluation.simulation.simulate import failed_gates

    problems = failed_gates(found, min_pass)
    if problems:
        complain("\n".join(problems))
        sys.exit(1)


async def _from_recorded(settings: "Settings", recorded: RecordedOptions) -> None:
    from orchestra.evaluation.simulation.from_recording import scenario_of
    from orchestra.evaluation.simulation.scenario_files import to_yaml
    from orchestra.history.reduce import history_of
    from orchestra.replay.selection import recorded_call

    written = []
    for call in recorded.from_call or ():
        events = await recorded_call(settings, call, recorded.source, on_warning=complain)
        written.append(scenario_of(history_of(events)))
    text = to_yaml(written)
    if recorded.to is None:
        say(text.rstrip())
        return
    with writing(recorded.to):
        recorded.to.write_text(text, "utf-8")
    say(f"wrote {recorded.to}: it has the callers' words; run it with `orchestra simulate {recorded.to}`")
