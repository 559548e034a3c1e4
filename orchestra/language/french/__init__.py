"""French: how it is read out, understood and agreed in, and what the platform says in it."""

from typing import Final

from orchestra.language.french.vocabulary import VOCABULARY
from orchestra.language.vocabulary import language_of

LANGUAGE: Final = language_of(VOCABULARY)
