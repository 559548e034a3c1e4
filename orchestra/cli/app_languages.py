"""The languages of an app against those that the chosen engines know."""

from typing import TYPE_CHECKING

from orchestra.errors import AppError
from orchestra.spoken_languages import AUTO, check_code

if TYPE_CHECKING:
    from orchestra.agents.lines import Lines
    from orchestra.settings import Settings


def languages_of(lines: "Lines") -> list[str]:
    """Every language (BCP 47) in which a call of these apps may be, once; and `AUTO`, if it may be the caller's own."""
    spoken = [app.speaks for app in lines.apps]
    on_lines = [rule.language for rule in lines.plan.rules.values()] if lines.plan is not None else []
    automatic = any(each.automatic for each in spoken) or AUTO in on_lines
    codes = [code for each in spoken for code in each.all] + [code for code in on_lines if code != AUTO]
    return [code for code in dict.fromkeys([*codes, AUTO if automatic else ""]) if code]


def check_languages(settings: "Settings", lines: "Lines") -> None:
    """See that the engines hear and speak the languages of the apps, and that texts of settings are in languages.

    Raises:
        AppError: one does not, or a text has no language's code; the message says what to do.

    """
    from orchestra.voice.engines.language_check import unknown_languages

    problems = [*unknown_languages(settings, languages_of(lines)), *wrong_codes(settings)]
    if problems:
        raise AppError("; ".join(problems))


def wrong_codes(settings: "Settings") -> list[str]:
    """What is wrong with the codes by which settings give texts."""
    problems = []
    for name in _TEXTS:
        given = getattr(settings, name)
        for code in given if isinstance(given, dict) else ():
            try:
                check_code(code, f"setting ORCHESTRA_{name.upper()}")
            except AppError as error:
                problems.append(str(error))
    return problems


#: settings that callers hear
_TEXTS = ("busy_message", "recording_consent")
