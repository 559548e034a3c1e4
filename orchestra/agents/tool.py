"""Tools: functions that agents may call, with arguments checked against their annotations."""

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime, time
from functools import partial
from string import Formatter
from types import NoneType
from typing import Annotated, Any, Protocol, get_args, get_origin, overload

import msgspec

from orchestra.agents.app_checks import annotations_of, as_tuple, check_text_by_language, texts_by_language
from orchestra.agents.arguments import enum_values
from orchestra.errors import AppError, RejectedError
from orchestra.language import Language
from orchestra.language.registry import DEFAULT_CODE
from orchestra.spoken_languages import in_language
from orchestra_schemas import ToolSchema

_TIMEOUT_S = 5.0
#: most levels of nested arguments; every JSON parser supports this many
_DEEPEST = 32
#: JSON schema formats that msgspec leaves out for types without a time zone
_FORMATS = {time: "time", datetime: "date-time"}


class ToolContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a tool knows of its call; passed to the argument that is annotated with this type.

    Attributes:
        call: the call's id.
        turn: number of the caller's turn.
        agent: name of the agent that called the tool.
        idempotency_key: the same whenever this tool call is run again, different for every other call.
        caller_number: E.164; empty if the carrier sent none.
        language: in which the call is held (BCP 47).
        variables: what is known of the call since it began: JSON values by name, given with it or answered by
            ``@app.on_call``.
        call_state: JSON values by name that tools and rules share for the rest of the call, such as ``{"identified":
            True}``. A tool's changes are stored when it ends, and every worker sees them.
        resources: the value that the app's ``lifespan`` yielded, None without one.
        http: an HTTP client, shared by all tools of the worker: it keeps up to 64 connections open, with timeouts of
            4 s for connecting and for each read. None outside a worker.

    """

    call: str
    turn: int
    idempotency_key: str
    agent: str = ""
    caller_number: str = ""
    language: str = DEFAULT_CODE
    variables: dict[str, Any] = {}
    call_state: dict[str, Any] = {}
    resources: Any = None
    http: Any = None  # an httpx.AsyncClient: importing it here would cost every command 60 ms


class ToolSource(Protocol):
    """A source of tools that may change while the app runs.

    Attributes:
        initial: the tools as they were when the app was loaded.

    """

    initial: "tuple[Tool, ...]"

    @property
    def revision(self) -> int:
        """Grows whenever `current` changes."""
        ...

    def current(self) -> "tuple[Tool, ...]":
        """The tools as they are now."""
        ...

    def warm(self) -> None:
        """Open the connection to it, on the running event loop."""
        ...

    async def close(self) -> None:
        """End that connection."""
        ...

    def probe(self) -> tuple[str, str]:
        """Its name, and why it is unavailable now, "" if it is available. Blocks."""
        ...


class Tool:
    """A function that agents can call; made by `tool`. Calling it calls the function.

    Attributes:
        name: the function's name.
        description: the function's docstring, one paragraph, as the model reads it.
        parameters: the JSON schema of the arguments.
        timeout_s: seconds after which a run counts as failed.
        filler: what the caller hears when the tool is slow; empty: silence. One text, or by language.
        idempotent: running it twice with one idempotency key does no harm, nor does running it for nothing.
        needs_confirmation: it only runs after the caller has said yes to a question.
        stop_on_barge_in: it is stopped when the caller speaks over the reply that waits for it.
        examples: what callers say when they need this tool, for the router and models; or by language.
        source: where it comes from; None for the app's own functions.
        needs: the values that callers are asked for before it runs.

    """

    source: ToolSource | None = None

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str = "",
        timeout_s: float = _TIMEOUT_S,
        filler: str | Mapping[str, str] = "",
        idempotent: bool = False,
        needs_confirmation: bool | str | Mapping[str, str] = False,
        stop_on_barge_in: bool = False,
        examples: Sequence[str] | Mapping[str, Sequence[str]] = (),
        needs: Sequence["Tool"] = (),
    ) -> None:
        if not callable(function) or isinstance(function, type | Tool):
            what = repr(function) if isinstance(function, str | Tool) else type(function).__name__
            msg = f"@tool marks a function, not {what}: write @tool, or @tool(name=…), once above a def"
            raise AppError(msg)
        self.function = function
        self.name = name or getattr(function, "__name__", type(function).__name__)
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            msg = f"tool {self.name}: yields; a tool returns its result whole: return it"
            raise AppError(msg)
        if not isinstance(timeout_s, int | float):
            msg = f"tool {self.name}: timeout_s={timeout_s!r} is not a number of seconds"
            raise AppError(msg)
        self.description = " ".join((inspect.getdoc(function) or "").split("\n\n", 1)[0].split())
        self.timeout_s = timeout_s
        check_text_by_language(filler, f"tool {self.name}: filler")
        self.filler = filler
        self.idempotent = idempotent
        self.needs_confirmation = bool(needs_confirmation)
        self.stop_on_barge_in = stop_on_barge_in
        cure = 'write what callers say, as in examples=("where is my parcel",)'
        self.examples = texts_by_language(examples, f"tool {self.name}: examples", cure=cure)
        self.needs = as_tuple(needs, Tool, f"tool {self.name}: needs", cure="write needs=(ask(…), …)")
        self._arguments, self._context_argument = _arguments_of(function, self.name)
        self._texts = [field.name for field in msgspec.structs.fields(self._arguments) if _is_text(field.type)]
        self.parameters = _object_schema(self._arguments)
        self._choices = frozenset(enum_values(self.parameters))
        self._question = "" if isinstance(needs_confirmation, bool) else needs_confirmation
        check_text_by_language(self._question, f"tool {self.name}: needs_confirmation")
        for question in [self._question] if isinstance(self._question, str) else self._question.values():
            _check_question(question, self._arguments, self.name)

    def __repr__(self) -> str:
        return f"<tool {self.name}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function itself."""
        return self.function(*args, **kwargs)

    def filler_in(self, language: str) -> str:
        """What the caller hears in this language when it is slow; empty: silence."""
        return in_language(self.filler, language) or ""

    def examples_in(self, language: str) -> tuple[str, ...]:
        """What callers say in this language when they need it."""
        return in_language(self.examples, language) or ()

    def schema_in(self, language: str) -> ToolSchema:
        """Name, description with the examples, and arguments, as the model reads them in a call in this language."""
        description = with_examples(self.description, self.examples_in(language))
        return ToolSchema(name=self.name, description=description, parameters=self.parameters)

    @property
    def runs_early(self) -> bool:
        """Whether it may run while the caller's turn is only predicted to be over, and its result be forgotten."""
        return self.idempotent and not self.needs_confirmation

    @property
    def takes_context(self) -> bool:
        """Whether the function has an argument for its `ToolContext`."""
        return bool(self._context_argument)

    def question(self, arguments: str, language: Language) -> str:
        """The question, in this language, that the caller has to agree to before this call is made.

        Raises:
            RejectedError: the arguments do not match the annotations.

        """
        values = {name: language.in_words(value, self._choices) for name, value in self.check(arguments).items()}
        if question := in_language(self._question, language.code):
            return question.format(**values)
        what = self.description[:1].lower() + self.description[1:].rstrip(".")
        details = "".join(f", {name.replace('_', ' ')} {value}" for name, value in values.items() if value)
        return language.phrases.confirmation.format(what=what, details=details)

    @property
    def uses(self) -> "tuple[Tool, ...]":
        """The tools that the platform runs on its behalf; the agent is not offered them."""
        return ()

    @property
    def asks(self) -> str | dict[str, str]:
        """The template of the question, with names in braces; empty if there is none. Or one for each language."""
        return self._question if isinstance(self._question, str) else dict(self._question)

    async def run(self, arguments: str, context: ToolContext) -> str:
        """Check the arguments and run the function; one that is not async runs in a thread.

        Args:
            arguments: the model's JSON text.
            context: passed to the argument annotated `ToolContext`, if there is one.

        Returns:
            The function's result as text: strings as they are, everything else as JSON, or else by ``str``.

        Raises:
            RejectedError: the arguments do not match the annotations; the message says which and why.
            ToolFailed: it failed; the message is for the agent.
            Exception: anything else that the function raises.

        """
        checked = self.check(arguments)
        if self._context_argument:
            checked[self._context_argument] = context
        if inspect.iscoroutinefunction(self.function):
            result = await self.function(**checked)
        else:
            result = await asyncio.to_thread(partial(self.function, **checked))
            if inspect.isawaitable(result):
                result = await result
        return _as_text(result)

    def ready(self) -> Coroutine[Any, Any, None] | None:
        """What to await before a run, outside its ``timeout_s``; None if there is nothing.

        Awaiting it raises `ToolFailed` if the tool cannot be run now.
        """
        return None

    def check(self, arguments: str) -> dict[str, Any]:
        """The arguments by name, in the annotated types, with defaults filled in.

        Raises:
            RejectedError: they do not match the annotations.

        """
        raw = read_arguments(self.name, arguments)
        for name in self._texts:
            if type(raw.get(name)) in {int, float}:  # models write the number of a parcel as a JSON number
                raw[name] = str(raw[name])
        try:
            values = msgspec.convert(raw, self._arguments, strict=False)
        except (msgspec.MsgspecError, RecursionError) as error:
            msg = f"wrong arguments for {self.name}: {error}"
            raise RejectedError(msg) from error
        return {field: getattr(values, field) for field in values.__struct_fields__}


@overload
def tool(function: Callable[..., Any], /) -> Tool: ...
@overload
def tool(
    *,
    name: str = ...,
    timeout_s: float = ...,
    filler: str | Mapping[str, str] = ...,
    idempotent: bool = ...,
    needs_confirmation: bool | str | Mapping[str, str] = ...,
    stop_on_barge_in: bool = ...,
    examples: Sequence[str] | Mapping[str, Sequence[str]] = ...,
    needs: Sequence[Tool] = ...,
) -> Callable[[Callable[..., Any]], Tool]: ...
def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str = "",
    timeout_s: float = _TIMEOUT_S,
    filler: str | Mapping[str, str] = "",
    idempotent: bool = False,
    needs_confirmation: bool | str | Mapping[str, str] = False,
    stop_on_barge_in: bool = False,
    examples: Sequence[str] | Mapping[str, Sequence[str]] = (),
    needs: Sequence[Tool] = (),
) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """Make a function a tool; its docstring tells the model when to call it.

    Every argument is annotated: ``str``, ``int``, ``float``, ``bool``, ``Literal``, an enum, a date, a list of these,
    or a msgspec Struct or dataclass; ``Annotated[str, "what it is"]`` describes it to the model. The function may be
    async; one that is not runs in a thread.

    Args:
        function: the function, if the decorator is used without brackets.
        name: its name for models; default: the function's name.
        timeout_s: seconds after which a run counts as failed.
        filler: what the caller hears when the tool is slow. Like all texts here it may be one, or by language:
            ``{"en": "One moment.", "es": "Un momento."}``.
        idempotent: running it twice with one idempotency key does no harm, nor does running it for nothing: it looks
            something up. So it may be run again after a crash, and as soon as the caller has probably finished; if they
            go on speaking, its result and its changes to the call's state are forgotten.
        needs_confirmation: it only runs after the caller has said yes. Give the question, with arguments in braces:
            ``"Shall I send parcel {number} on {day}?"``; True: the question is made from the docstring.
        stop_on_barge_in: it is stopped when the caller speaks over the reply that waits for it. Other tools run to
            their end once they have begun, and the agent learns the result in the next turn.
        examples: what callers say when they need it.
        needs: values, each made by `ask`, that the caller is asked for before it runs, unless they are known; it finds
            them in the call's state under the names of those tools.

    Raises:
        AppError: an argument has no annotation, or one without a JSON form; or the question names an unknown argument.

    """
    make = partial(
        Tool,
        name=name,
        timeout_s=timeout_s,
        filler=filler,
        idempotent=idempotent,
        needs_confirmation=needs_confirmation,
        stop_on_barge_in=stop_on_barge_in,
        examples=examples,
        needs=needs,
    )
    return make if function is None else make(function)


def read_arguments(tool: str, arguments: str) -> dict[str, Any]:
    """Read the arguments of a call by name from the JSON text that a model wrote.

    Models write "no arguments" as ``{}``, nothing or ``null``, and sometimes the whole object as a JSON string.

    Raises:
        RejectedError: it is not JSON, not an object, or nested too deeply.

    """
    try:
        read = msgspec.json.decode(arguments.strip() or "{}")
        if isinstance(read, str):
            read = msgspec.json.decode(read.strip() or "{}")
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        msg = f"wrong arguments for {tool}: they are not JSON ({error}): write one JSON object"
        raise RejectedError(msg) from error
    if read is None:
        return {}
    if not isinstance(read, dict):
        msg = f"wrong arguments for {tool}: Expected `object`, got `{type(read).__name__}`: write one JSON object"
        raise RejectedError(msg)
    if is_deeper(read, _DEEPEST):
        msg = f"wrong arguments for {tool}: they are nested deeper than {_DEEPEST} levels: write them flat"
        raise RejectedError(msg)
    return read


def is_deeper(value: Any, levels: int) -> bool:
    """Whether JSON is nested deeper than this many levels."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return bool(inner) and (levels == 0 or any(is_deeper(each, levels - 1) for each in inner))


def _as_text(result: Any) -> str:
    """A result as text. A result without a JSON form does not make a tool fail that has done its work."""
    if isinstance(result, str):
        return result
    try:
        return msgspec.json.encode(result, enc_hook=str).decode()
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):
        return str(result)


def _check_question(question: str, arguments: type[msgspec.Struct], name: str) -> None:
    try:
        named = {field for _, field, _, _ in Formatter().parse(question) if field is not None}
    except ValueError as error:
        msg = f"tool {name}: needs_confirmation={question!r} is not text with names in braces: {error}"
        raise AppError(msg) from error
    for field in sorted(named - set(arguments.__struct_fields__)):
        msg = f"tool {name}: needs_confirmation names {{{field}}}, which is none of its arguments"
        raise AppError(msg)


def with_examples(description: str, examples: Sequence[str]) -> str:
    """A description with its examples, for a model."""
    quoted = ", ".join(f'"{example}"' for example in examples)
    return f"{description.rstrip('.')}. Examples: {quoted}." if quoted else description


def _arguments_of(function: Callable[..., Any], name: str) -> tuple[type[msgspec.Struct], str]:
    """The struct of a function's arguments, and the name of its context argument (empty without one)."""
    hints = annotations_of(function, f"tool {name}")
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    context_argument = ""
    for parameter in inspect.signature(function).parameters.values():
        if (
            parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
            or parameter.name not in hints
        ):
            msg = f"tool {name}: argument {parameter.name!r} needs a type annotation and a name of its own"
            raise AppError(msg)
        if hints[parameter.name] is ToolContext:
            context_argument = parameter.name
            continue
        annotation = _described(hints[parameter.name])
        if parameter.default is parameter.empty:
            fields.append((parameter.name, annotation))
        else:
            fields.append((parameter.name, annotation, parameter.default))
    try:
        struct = msgspec.defstruct(f"{name}_arguments", fields, kw_only=True, forbid_unknown_fields=True)
        msgspec.json.schema_components((struct,))
    except TypeError as error:
        msg = f"tool {name}: an argument has a type that JSON cannot carry: {error}"
        raise AppError(msg) from error
    return struct, context_argument


def _described(annotation: Any) -> Any:
    """``Annotated[T, "text"]`` with the text as description in the JSON schema; a time with its format."""
    kind, *extras = get_args(annotation) if get_origin(annotation) is Annotated else (annotation,)
    bare = [each for each in get_args(kind) or (kind,) if each is not NoneType]
    if len(bare) == 1 and isinstance(bare[0], type) and bare[0] in _FORMATS:
        kind = Annotated[kind, msgspec.Meta(extra_json_schema={"format": _FORMATS[bare[0]]})]
    for extra in extras:
        kind = Annotated[kind, msgspec.Meta(description=extra) if isinstance(extra, str) else extra]
    return kind


def _is_text(annotation: Any) -> bool:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation is str


def _object_schema(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """The JSON schema of a struct, with references resolved."""
    (top,), components = msgspec.json.schema_components((struct,), ref_template="#/{name}")
    schema: dict[str, Any] = _inlined(top, components, ())
    schema.pop("title", None)
    return schema


def _inlined(node: Any, components: dict[str, Any], inside: tuple[str, ...]) -> Any:
    if isinstance(node, list):
        return [_inlined(item, components, inside) for item in node]
    if not isinstance(node, dict):
        return node
    reference = node.get("$ref")
    if reference is None:
        return {key: _inlined(value, components, inside) for key, value in node.items()}
    name = str(reference).removeprefix("#/")
    if name in inside:
        msg = f"a tool's argument type {name!r} contains itself: write it flat"
        raise AppError(msg)
    rest = {key: value for key, value in node.items() if key != "$ref"}
    inlined: dict[str, Any] = _inlined(components[name], components, (*inside, name))
    return {**inlined, **rest}
