"""An app whose calls are in a language without phrases of the platform is told what is said in English there."""

from dataclasses import replace
from typing import Any

import pytest

from orchestra.agents.english_phrases import english_phrases
from tests.agents.team import Parcels, team


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, {}),
        ({"language": "es-MX", "languages": ("es-MX", "de")}, {}),
        ({"language": "pl"}, {"pl": ("apology", "holding", "still_there", "transfer_failed")}),
        (
            {"language": "pl", "holding": {"pl": "Chwileczkę."}, "still_there": {"en": "Hello?"}},
            {"pl": ("apology", "still_there", "transfer_failed")},
        ),
    ],
)
def test_what_is_said_in_english_is_named(changes: dict[str, Any], found: dict[str, tuple[str, ...]]) -> None:
    assert english_phrases(replace(team(Parcels()), **{"apology": None, **changes})) == found
