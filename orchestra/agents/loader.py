"""Loads an app by its name in Python and checks that its parts fit together."""

import re
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

from msgspec.structs import asdict

from orchestra.agents.app import App
from orchestra.agents.lines import Lines
from orchestra.call_variables import names_in
from orchestra.errors import AppError, UsageError
from orchestra.import_hints import renamed

#: longer than this no caller waits, in seconds
_LONGEST_TOOL_S = 30.0
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")


def load_app(name: str) -> App:
    """The app at ``module:attribute``, checked.

    Raises:
        AppError: there is no such app, or its agents, tools and knowledge do not fit together; the message says where,
            and what to do.

    """
    lines = load_lines(name)
    if lines.plan is not None:
        names = ", ".join(dict.fromkeys(app.name for app in lines.apps))
        msg = f"app {name!r}: these are lines, of the apps {names}: name one of those apps here"
        raise AppError(msg)
    return lines.default


def load_lines(name: str) -> Lines:
    """The lines, or the app, at ``module:attribute``, checked. An app alone answers everything.

    Raises:
        AppError: as for `load_app`.

    """
    found = load_named(name)
    if not isinstance(found, App | Lines):
        attribute = name.partition(":")[2]
        msg = f"app {name!r}: {attribute!r} is {type(found).__name__}, not an orchestra.App"
        raise AppError(msg)
    lines = Lines.of(found)
    for app in lines.apps:
        check_app(app, name if lines.plan is None else f"{name}, {app.name}")
        for target in app.transfers if lines.plan is not None else ():
            if lines.transfer_target(target, app) is None:
                names = ", ".join(dict.fromkeys(other.name for other in lines.apps if other.name != app.name)) or "none"
                msg = (
                    f"app {name}, {app.name}: transfers to {target!r}, which is neither another app of the lines nor "
                    f"an agent of just one: choose among {names}"
                )
                raise AppError(msg)
    return lines


def load_named(name: str, what: str = "app", example: str = "orchestra.demo:app") -> Any:
    """What is at ``module:attribute``, also in a module of the folder in which the command runs; None if nothing is.

    Args:
        name: of it.
        what: it should be, for the message of an error.
        example: a name of such a thing, for the same.

    Raises:
        AppError: the name is written in another way, or the module cannot be imported.

    """
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        msg = f"{what} {name!r}: write it as module:attribute, as in {example}"
        raise AppError(msg)
    here = str(Path.cwd())
    if here not in sys.path:  # a console script does not search the directory in which it is started
        sys.path.insert(0, here)
    try:
        module = import_module(module_name)
    except UsageError:
        raise
    except ModuleNotFoundError as error:
        hint = renamed(error.name) or "check the name, and that it can be imported from here"
        msg = f"{what} {name!r}: there is no module {error.name!r}: {hint}"
        raise AppError(msg) from error
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())
        msg = f"{what} {name!r} cannot be loaded: {_where(error)}: {said}"
        raise AppError(msg) from error
    return getattr(module, attribute, None)


def _where(error: Exception) -> str:
    """The file and line of the author's at which the import of an app failed."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}, line {error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<")]
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(Path.cwd())] or frames
    return f"{Path(own[-1].filename).name}, line {own[-1].lineno}"


def check_app(app: App, name: str) -> None:
    """Check that the parts of an app fit together.

    Raises:
        AppError: the first problem, with its location and the cure.

    """
    for problem in _problems(app):
        msg = f"app {name}: {problem}"
        raise AppError(msg)


def _problems(app: App) -> list[str]:
    names = [agent.name for agent in app.agents]
    problems = [f"agent name {name!r}: use letters, digits and underscores" for name in names if not _NAME.match(name)]
    problems += [f"two agents are named {name!r}: rename one" for name in sorted(_doubled(names))]
    if app.entry not in names:
        problems.append(f"entry is {app.entry!r}, which is not an agent of the app: choose one of {', '.join(names)}")
    for agent in app.agents:
        problems += [
            f"agent {agent.name!r} hands off to {target!r}, which is not another agent of the app: "
            f"choose among {', '.join(name for name in names if name != agent.name) or 'none'}"
            for target in agent.handoffs
            if target not in names or target == agent.name
        ]
        if agent.knowledge and not app.all_knowledge:
            problems.append(f"agent {agent.name!r} searches the knowledge, but the app has none: give App(knowledge=…)")
        if not all(text.strip() for text in agent.instructions_by_language.values()):
            problems.append(f"agent {agent.name!r} has an empty prompt: say what it does and how it speaks")
    for knowledge in app.all_knowledge.values():
        knowledge.check()
    return problems + _tool_problems(app) + _redaction_problems(app) + _variable_problems(app)


def _variable_problems(app: App) -> list[str]:
    """Placeholders of names that the app has not declared, if it declares any."""
    if not app.variables:
        return []
    phrases = [phrase for code in app.speaks.all for phrase in asdict(app.said_in(code)).items()]
    said = [(f"its {name}", text) for name, text in phrases if text]
    read = [
        (f"the prompt of agent {agent.name!r}", text)
        for agent in app.agents
        for text in agent.instructions_by_language.values()
    ]
    return [
        f"{where} has {{{name}}}, which is not among its variables {', '.join(app.variables)}: add it, or mend the name"
        for where, text in dict.fromkeys((*said, *read))
        for name in sorted(names_in(text))
        if name not in app.variables
    ]


def _redaction_problems(app: App) -> list[str]:
    problems = []
    for word, pattern in app.redact.items():
        try:
            if re.compile(pattern).search(""):
                problems.append(f"redact[{word!r}] matches the empty text, so it would match everywhere")
        except re.error as error:
            problems.append(f"redact[{word!r}] is {pattern!r}, which is not a regular expression: {error}")
    return problems


def _tool_problems(app: App) -> list[str]:
    problems = []
    for agent in app.agents:
        tools = app.tools_of(agent)
        problems += [
            f"agent {agent.name!r} has two tools named {name!r}: rename one"
            for name in sorted(_doubled([tool.name for tool in tools]))
        ]
        for tool in tools:
            if app.tools[tool.name] is not tool:
                problems.append(f"two different tools are named {tool.name!r}: rename one")
            if not _NAME.match(tool.name) or tool.name.startswith("transfer_to_"):
                problems.append(
                    f"tool name {tool.name!r}: letters, digits, underscores, not starting with transfer_to_"
                )
            if not 0 < tool.timeout_s <= _LONGEST_TOOL_S:
                problems.append(f"tool {tool.name!r} has timeout_s={tool.timeout_s}: more than 0, at most 30 seconds")
            if not tool.description:
                problems.append(f"tool {tool.name!r} has no docstring: say in one sentence when to call it")
    return problems


def _doubled(names: list[str]) -> set[str]:
    return {name for name in names if names.count(name) > 1}
