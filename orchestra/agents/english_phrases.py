"""What callers hear in English in calls of another language, of which neither app nor platform has the words."""

from orchestra.agents.app import App
from orchestra.language import find_language
from orchestra.language.registry import is_complete
from orchestra.spoken_languages import in_language

_PHRASES = ("apology", "holding", "still_there", "transfer_failed")


def english_phrases(app: App) -> dict[str, tuple[str, ...]]:
    """By the code of a language of the app's calls: the phrases that are said in English there.

    None if the platform has phrases in that language; of the others, those that the app does not give itself.
    """
    found = {
        code: tuple(name for name in _PHRASES if in_language(getattr(app, name), code) is None)
        for code in app.speaks.all
        if not is_complete(find_language(code))
    }
    return {code: names for code, names in found.items() if names}
