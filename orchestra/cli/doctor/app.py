"""`orchestra doctor` on the app: whether it can be loaded, and whether its tool servers answer."""

from concurrent.futures import ThreadPoolExecutor

from orchestra.cli.doctor.finding import Finding
from orchestra.errors import UsageError
from orchestra.settings import Settings


def app_and_tool_servers(settings: Settings) -> list[Finding]:
    """The app in the settings, and each server that provides tools to it."""
    from orchestra.agents import load_app

    try:
        app = load_app(settings.app)
    except UsageError as error:
        return [Finding("app", False, str(error))]
    found = [Finding("app", True, f"{settings.app}, {len(app.agents)} agents, {len(app.tools)} tools")]
    if not app.sources:
        return found
    with ThreadPoolExecutor(len(app.sources)) as threads:
        for name, problem in threads.map(lambda source: source.probe(), app.sources):
            away = f"away: {problem}; its tools cannot be used until it is back, all others can"
            found.append(Finding(f"tools of {name}", not problem, away if problem else "answers"))
    return found
