"""The fingerprint of an app: a short hash of everything that decides how it answers."""

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

import msgspec

from orchestra.agents.rule import Rule
from orchestra.agents.tool import Tool
from orchestra.endpointing import DEFAULT_ENDPOINTING
from orchestra.language.registry import DEFAULT_CODE
from orchestra.spoken_languages import SpokenLanguages

if TYPE_CHECKING:
    from orchestra.agents.agent import Agent
    from orchestra.agents.app import App
    from orchestra.agents.knowledge import Knowledge

_DIGITS = 12
_PLAIN = (str, bytes, int, float, bool, type(None), re.Pattern)


def fingerprint(app: "App") -> str:
    """Twelve hexadecimal digits: the same wherever the same app runs, different as soon as anything in it changes.

    It covers the agents with their prompts, models and parameters; their tools (their schemas and options, their source
    and that of the functions, classes and constants of their package that they use); the rules with their source; the
    pages of the knowledge; and the app's phrases. Paths and times do not count.
    """
    content = {
        "app": app.name,
        "entry": app.entry,
        **_said(app),
        "transfer_target": app.transfer_target,
        "redact": dict(app.redact),
        **({"speed": app.speed} if app.speed != 1.0 else {}),
        **({"thinking_sound": Path(app.thinking_sound).name} if app.thinking_sound else {}),
        **({"keyterms": app.keyterms} if app.keyterms else {}),
        **(
            {"pronunciations": {each: _by_language(said) for each, said in app.pronunciations.items()}}
            if app.pronunciations
            else {}
        ),
        **({} if app.reads_out else {"reads_out": False}),
        **({} if app.records else {"records": False}),
        **({} if app.asks_consent is None else {"asks_consent": app.asks_consent}),
        **({"remembers_callers": True} if app.remembers_callers else {}),
        **({"endpointing": app.endpointing.content} if app.endpointing != DEFAULT_ENDPOINTING else {}),
        "agents": [_agent(app, agent) for agent in app.agents],
        "tools": [_tool(tool, app.speaks.first) for _, tool in sorted(app.tools.items())],
        "rules": [[rule.name, rule.subject.__name__, sources(rule.function)] for rule in app.rules],
        "lifespan": {} if app.lifespan is None else sources(app.lifespan),
        **({"variables_from": _asked(app.variables_from)} if app.variables_from is not None else {}),
        **({"after": [each.content for each in app.wanted_after]} if app.after else {}),
        **_all_knowledge(app),
    }
    return sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()[:_DIGITS]


def _asked(variables_from: Callable[..., Any] | str) -> str | dict[str, str]:
    return variables_from if isinstance(variables_from, str) else sources(variables_from)


def _said(app: "App") -> dict[str, Any]:
    """What the edge says for it; that of one language looks as it did before there were others."""
    languages = {code: _phrases(app, code) for code in app.speaks.all}
    one = app.said_in(app.speaks.first)
    return {
        "said": [one.greeting, one.apology, one.holding, one.still_there, one.transfer_failed, one.voicemail],
        **({"introduction": one.introduction} if one.introduction else {}),
        **({} if one.consent is None else {"consent": one.consent}),
        **({"languages": [msgspec.to_builtins(app.speaks), languages]} if app.speaks != SpokenLanguages() else {}),
    }


def _phrases(app: "App", code: str) -> dict[str, str]:
    said = msgspec.structs.asdict(app.said_in(code))
    return {name: text for name, text in said.items() if text is not None}


def _agent(app: "App", agent: "Agent") -> dict[str, Any]:
    return {
        "name": agent.name,
        "about": _by_language(agent.about),
        "prompt": agent.instructions_by_language.get("", agent.instructions_by_language),
        "tools": [tool.name for tool in app.tools_of(agent)],
        "handoffs": agent.handoffs,
        "examples": _by_language(agent.examples),
        "voice": _by_language(agent.voice),
        **({"language": agent.language} if agent.language else {}),
        "model": agent.model,
        "parameters": dict(agent.parameters),
        **({"keyterms": agent.keyterms} if agent.keyterms else {}),
        **({"speed": agent.speed} if agent.speed is not None else {}),
        **({"endpointing": agent.endpointing.content} if agent.endpointing is not None else {}),
    }


def _plain_pronunciations(app: "App") -> dict[str, Any]:
    return {written: _by_language(said) for written, said in app.pronunciations.items()}


def _all_knowledge(app: "App") -> dict[str, Any]:
    """What it knows; one for all languages looks as it did before there were others."""
    known = app.all_knowledge
    one = known.get("")
    if known and one is None:
        return {"knowledge": {code: _knowledge(each) for code, each in known.items()}}
    embeddings = {"embeddings": one.embeddings} if one is not None and one.embeddings else {}
    return {"knowledge": None if one is None else _knowledge(one), **embeddings}


def _knowledge(knowledge: "Knowledge") -> dict[str, Any]:
    language = {} if knowledge.language.code == DEFAULT_CODE else {"language": knowledge.language.code}
    return {"embeddings": [knowledge.embeddings, knowledge.similar_from], "pages": knowledge.pages(), **language}


def _by_language(given: Any) -> Any:
    return dict(given) if isinstance(given, Mapping) else given


def _tool(tool: Tool, first: str) -> dict[str, Any]:
    return {
        "schema": tool.schema_in(first),
        **({"examples": dict(tool.examples)} if isinstance(tool.examples, Mapping) else {}),
        "run": [tool.timeout_s, tool.idempotent, tool.needs_confirmation, tool.stop_on_barge_in],
        "said": [_by_language(tool.filler), tool.asks],
        **({"needs": [needed.name for needed in tool.needs]} if tool.needs else {}),
        "source": sources(tool.function),
    }


def sources(function: Callable[..., Any]) -> dict[str, str]:
    """The source of a function and of everything in its own package that it uses, by full name."""
    home = getattr(function, "__module__", None) or ""
    package = home.rpartition(".")[0] or home
    found: dict[str, str] = {}
    waiting: list[tuple[str, Any]] = [(_full_name(function), function)]
    while waiting:
        name, part = waiting.pop()
        if name in found:
            continue
        found[name] = _source(part)
        for used, value in _used(part):
            known = value.function if isinstance(value, Tool | Rule) else value
            if isinstance(known, FunctionType | type):
                if (known.__module__ + ".").startswith(f"{package}."):
                    waiting.append((_full_name(known), known))
            elif _is_plain(known):
                found[f"{name}:{used}"] = _written(known)
    return found


def _full_name(part: Any) -> str:
    return f"{getattr(part, '__module__', '')}.{getattr(part, '__qualname__', type(part).__qualname__)}"


def _source(part: Any) -> str:
    try:
        return textwrap.dedent(inspect.getsource(part))
    except (OSError, TypeError):  # entered at a prompt, or not written in Python
        code = getattr(part, "__code__", None)
        return "" if code is None else "".join(each.co_code.hex() for each in _codes(code))


def _used(part: Any) -> Iterator[tuple[str, Any]]:
    """The globals and captured variables that a function or the methods of a class use."""
    functions = [part] if isinstance(part, FunctionType) else []
    if isinstance(part, type):
        functions = [each for each in vars(part).values() if isinstance(each, FunctionType)]
    for function in functions:
        names = {name for code in _codes(function.__code__) for name in code.co_names}
        yield from ((name, function.__globals__[name]) for name in sorted(names & function.__globals__.keys()))
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            try:
                yield name, cell.cell_contents
            except ValueError:  # not assigned yet
                continue


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _is_plain(value: Any) -> bool:
    """Whether a value is data that reads the same on every machine."""
    if isinstance(value, dict):
        return all(_is_plain(each) for pair in value.items() for each in pair)
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(_is_plain, value))
    return isinstance(value, _PLAIN)


def _written(value: Any) -> str:
    """Plain data as text, with sets sorted."""
    if isinstance(value, set | frozenset):
        return repr(sorted(map(_written, value)))
    if isinstance(value, dict):
        return repr([(_written(key), _written(each)) for key, each in value.items()])
    if isinstance(value, list | tuple):
        return repr([_written(each) for each in value])
    return repr(value)
