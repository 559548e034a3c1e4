"""Checks the parts that an app's author puts together by hand; each mistake is one line, with the cure."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, get_type_hints
from urllib.parse import urlsplit

from orchestra.agents.speaking_rate import FASTEST, SLOWEST
from orchestra.endpointing import Endpointing
from orchestra.errors import AppError
from orchestra.pronunciations import Pronunciations
from orchestra.spoken_languages import check_code

T = TypeVar("T")


def as_tuple(given: Any, kind: type[T], where: str, *, cure: str) -> tuple[T, ...]:
    """Several values of one type, as a tuple.

    Args:
        given: the value that the author wrote.
        kind: the type that each of them must have.
        where: the argument, as in ``agent 'desk': tools``.
        cure: how to write one of them.

    Raises:
        AppError: it is a single value, text or a dictionary, or contains something else.

    """
    field = where.rpartition(" ")[2]
    if isinstance(given, kind):
        shown = repr(given) if isinstance(given, str) else "…"
        msg = f"{where} is one {kind.__name__}, not several: write {field}=({shown},) with the comma"
        raise AppError(msg)
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        msg = f"{where} is {_shown(given)}, not a tuple: {cure}"
        raise AppError(msg)
    found = tuple(given)
    for part in found:
        if not isinstance(part, kind):
            inside = isinstance(part, tuple | list) and bool(part) and all(isinstance(each, kind) for each in part)
            msg = f"{where} has {_shown(part)} among them: {'unpack it with a star, *(…)' if inside else cure}"
            raise AppError(msg)
    return found


def check_text(given: Any, where: str) -> None:
    """Check that this is text.

    Raises:
        AppError: it is not.

    """
    if not isinstance(given, str):
        msg = f"{where} is {_shown(given)}, not text: write it in quotation marks"
        raise AppError(msg)


def check_text_by_language(given: Any, where: str) -> None:
    """Check that this is text, or text by the code of a language.

    Raises:
        AppError: it is neither, or a code is none.

    """
    if not isinstance(given, Mapping):
        check_text(given, where)
        return
    for code, text in given.items():
        check_code(code, where)
        check_text(text, f"{where}[{code!r}]")
    if not given:
        msg = f'{where} is empty: write {{"en": "…", "es": "…"}}, or one text for all languages'
        raise AppError(msg)


def texts_by_language(given: Any, where: str, *, cure: str) -> tuple[str, ...] | dict[str, tuple[str, ...]]:
    """Several texts as a tuple, or those of each language by its code.

    Raises:
        AppError: they are neither, or a code is none.

    """
    if not isinstance(given, Mapping) or not given:
        return as_tuple(given, str, where, cure=cure)
    for code in given:
        check_code(code, where)
    return {code: as_tuple(texts, str, where, cure=cure) for code, texts in given.items()}


def check_endpointing(given: Any, here: str) -> None:
    """Check that this is an `Endpointing`, or None.

    Raises:
        AppError: it is not.

    """
    if not isinstance(given, Endpointing | None):
        msg = f'{here} endpointing is {_shown(given)}: write endpointing=Endpointing(patience="patient")'
        raise AppError(msg)


def annotations_of(function: Any, what: str) -> dict[str, Any]:
    """The annotations of a function, with those that are written as text resolved.

    Raises:
        AppError: one of them cannot be resolved; ``what`` names the function.

    """
    try:
        return get_type_hints(function, include_extras=True)
    except Exception as error:
        msg = (
            f"{what}: an annotation cannot be resolved ({type(error).__name__}: {error}): import that type at the top "
            "of the module, not under TYPE_CHECKING or inside a function"
        )
        raise AppError(msg) from error


def _shown(given: Any) -> str:
    name = getattr(given, "__name__", None)
    if isinstance(name, str):
        return f"{'class' if isinstance(given, type) else type(given).__name__} {name!r}"
    if given is None or isinstance(given, str | int | float):
        return repr(given)[:60]
    return f"{'an' if type(given).__name__[:1] in 'aeiouAEIOU' else 'a'} {type(given).__name__}"


def check_speed(speed: Any, here: str) -> None:
    """Raises AppError: it is not a speed at which engines speak."""
    if speed is not None and (type(speed) not in {int, float} or not SLOWEST <= speed <= FASTEST):
        msg = f"{here} speed is {speed!r}: write a number from {SLOWEST} to {FASTEST}, 1.0 is the voice's own pace"
        raise AppError(msg)


def check_pronunciations(given: Any, here: str) -> None:
    """Check how words are said, each as a text, or a text by the code of a language.

    Raises:
        AppError: one cannot be used; the message names the word.

    """
    codes = {""}
    for written, said in given.items() if isinstance(given, Mapping) else ():
        if isinstance(said, Mapping):
            check_text_by_language(said, f"{here} pronunciations[{written!r}]")
            codes |= set(said)
    for code in sorted(codes):
        (Pronunciations.spoken_in(given, code) if isinstance(given, Mapping) else Pronunciations(given)).checked(here)


def check_variables_from(given: Any, here: str) -> None:
    """Raises AppError: this can be asked for no variables: it is neither a function nor the URL of a server."""
    if isinstance(given, str):
        parts = urlsplit(given)
        if parts.scheme in {"http", "https"} and parts.hostname:
            return
        msg = f"{here} variables_from is {given!r}: write a URL, as in https://crm.example.com/calls"
        raise AppError(msg)
    if given is not None and (not callable(given) or isinstance(given, type)):
        msg = f"{here} variables_from is {_shown(given)}: mark a function of one argument with @app.on_call"
        raise AppError(msg)
