"""The languages of an app against those that the chosen engines know."""

from typing import TYPE_CHECKING

from orchestra.errors import AppError

if TYPE_CHECKING:
    from orchestra.agents.lines import Lines
    from orchestra.settings import Settings


def languages_of(lines: "Lines") -> list[str]:
    """Every language (BCP 47) in which a call of these apps may be, once."""
    return list(dict.fromkeys(app.language.code for app in lines.apps))


def check_languages(settings: "Settings", lines: "Lines") -> None:
    """See that the engines hear and speak the languages of the apps.

    Raises:
        AppError: one does not; the message says what to do.

    """
    from orchestra.voice.engines.language_check import unknown_languages

    problems = unknown_languages(settings, languages_of(lines))
    if problems:
        raise AppError("; ".join(problems))
