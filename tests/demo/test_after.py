"""What is found out about a call of the demo is asked for in the call's language, under the same names."""

import msgspec
import pytest

from orchestra.agents.app import App
from orchestra.demo.team import app, in_german, in_spanish


def _words(of: App) -> tuple[list[str], list[str]]:
    """The names of its values and judges, and the words that a model gets for them."""
    (after,) = of.wanted_after
    assert after.extract is not None
    fields = msgspec.json.schema(after.extract)["$defs"]["Concern"]
    described = [fields["description"], *(each["description"] for each in fields["properties"].values())]
    criteria = [judge.criterion for judge in after.judges if isinstance(judge.criterion, str)]
    return [*fields["properties"], *(judge.name for judge in after.judges)], [*described, *criteria]


@pytest.mark.parametrize("translated", [in_spanish, in_german], ids=["es", "de"])
def test_the_words_are_those_of_the_language(translated: App) -> None:
    names, words = _words(app)
    other_names, other_words = _words(translated)
    assert names == other_names == ["parcel", "wish", "tools", "no_promises"]
    assert len(words) == len(other_words) == 4
    assert not set(words) & set(other_words)
