"""An app like the other one, whose callers may go on in Spanish."""

from dataclasses import replace

from tests.faults.spoken import tones
from tests.faults.spoken.app import app as english

app = replace(
    english,
    name="bilingual",
    languages=("en", "es"),
    holding={"en": tones.HOLDING, "es": "Un momento."},
    apology={"en": tones.APOLOGY, "es": "Perdón."},
    still_there="",
)
