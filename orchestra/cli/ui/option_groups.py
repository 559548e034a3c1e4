"""Options of a command in dataclasses, each a panel of its help; commands that share options share the dataclass."""

import copy
import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_args, get_type_hints

from typer.models import OptionInfo


def option_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command have parameters that are groups of options.

    A group is a dataclass: its fields are ``Annotated`` options with a default, its ``PANEL`` is their heading in the
    help. Typer sees the fields as parameters of the command, and the command gets the dataclass.
    """
    parameters: list[inspect.Parameter] = []
    groups: dict[str, type[Any]] = {}
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        if dataclasses.is_dataclass(parameter.annotation) and isinstance(parameter.annotation, type):
            groups[parameter.name] = parameter.annotation
            parameters += _fields(parameter.annotation)
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    @functools.wraps(command)
    def run(**values: Any) -> None:
        grouped = {
            name: group(**{field.name: values.pop(field.name) for field in dataclasses.fields(group)})
            for name, group in groups.items()
        }
        command(**values, **grouped)

    del run.__dict__["__wrapped__"]  # Typer would read the command's own parameters
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _fields(group: type[Any]) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=_in_panel(hints[field.name], group.PANEL),
        )
        for field in dataclasses.fields(group)
    ]


def _in_panel(hint: Any, panel: str) -> Any:
    kind, *metadata = get_args(hint)
    option = next(each for each in metadata if isinstance(each, OptionInfo))
    option = copy.copy(option)
    option.rich_help_panel = panel
    return Annotated[kind, option]
