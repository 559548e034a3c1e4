"""`orchestra doctor` on the app: whether it can be loaded, and whether its tool servers answer."""

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from orchestra.cli.doctor.finding import Finding
from orchestra.counted import counted
from orchestra.errors import UsageError
from orchestra.settings import Settings

if TYPE_CHECKING:
    from orchestra.agents.app import App
    from orchestra.agents.lines import Lines


def app_and_tool_servers(settings: Settings) -> list[Finding]:
    """The app or the apps in the settings, and each server that provides tools to them."""
    from orchestra.agents.english_phrases import english_phrases
    from orchestra.agents.loader import load_lines

    try:
        lines = load_lines(settings.app)
    except UsageError as error:
        return [Finding("app", False, str(error))]
    found = [
        Finding("app", True, f"{name}, {counted(len(app.agents), 'agent')}, {counted(len(app.tools), 'tool')}")
        for app in lines.apps
        for name in [settings.app if lines.plan is None else f"{settings.app}, {app.name} {_lines_of(app, lines)}"]
    ]
    found += _languages(settings, lines)
    found += [
        Finding(f"words of {app.name} in {code}", None, f"in English, unless the app gives its own: {', '.join(names)}")
        for app in lines.apps
        for code, names in english_phrases(app).items()
    ]
    sources = list(dict.fromkeys(source for app in lines.apps for source in app.sources))
    if not sources:
        return found
    with ThreadPoolExecutor(len(sources)) as threads:
        for name, problem in threads.map(lambda source: source.probe(), sources):
            away = f"away: {problem}; its tools cannot be used until it is back, all others can"
            found.append(Finding(f"tools of {name}", not problem, away if problem else "answers"))
    return found


def _languages(settings: Settings, lines: "Lines") -> list[Finding]:
    from orchestra.cli.app_languages import languages_of, wrong_codes
    from orchestra.voice.engines.language_check import languages_without_fallback, unknown_languages

    languages = languages_of(lines)
    problems = [*unknown_languages(settings, languages), *wrong_codes(settings)]
    known = f"{', '.join(languages)}: heard by {settings.stt}, spoken by {settings.tts}"
    found = [Finding("languages", not problems, "; ".join(problems) or known)]
    without = languages_without_fallback(settings, languages)
    return found + ([Finding("languages of the fallback", None, "; ".join(without))] if without else [])


def _lines_of(app: "App", lines: "Lines") -> str:
    """Where the app answers: ``(+15550100, web)``."""
    rules = lines.plan.rules if lines.plan is not None else {}
    answered = [line for line, rule in rules.items() if (app.name, app.version) in dict(rule.versions)]
    return f"({', '.join(answered)})"
