"""Detects whether a sentence is English, so that other languages are not verbalized in English.

A guess for one sentence, from its script and its function words. A sentence that is not clearly in another language
counts as English.
"""

import re
import unicodedata
from typing import Final

_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
#: common words that only English has
_ENGLISH_WORDS: Final = """
    the and of for from with your you our my he she they them his their not yes have has had will would can
    could should may please there here what when where which who how does did then than about after before
    between until open closed call that this these those been you're we're it's that's i'm don't
"""
#: common words that English does not have: Spanish, Portuguese, Italian, French; German, Dutch, Danish, Norwegian,
#: Swedish; Polish, Czech, Hungarian, Romanian, Turkish, Finnish, Indonesian, Vietnamese
_FOREIGN_WORDS: Final = """
    el la las los una unas por para del al que qué es está están y su sus pero cuesta cuestan hay lo le se os
    um uma  não seu são às dos das il gli alle dalle della delle di che è della nel les du des et est sont
    avec sur vous nous votre  à ça ce cette jusqu'à heures coûte un une ou où ses vos au aux abre cierra
    numero número prezzo ore
    der das dem den ein eine einen und ist sind mit für von zu im um uhr auf nicht macht kostet ihr ihre wir
    sie het een en  van voor op bij uur niet uw wij zijn og er til på av af det att är och för med kl klockan
    kostar koster åbner öppnar
    na od jest są się godz przesyłka że jsou stojí az és óra ára în din pentru ve bir için saat saatte kello
    maksaa ja dari  pukul yang untuk giá là và lúc
"""
_ENGLISH: Final = frozenset(_ENGLISH_WORDS.split())
_FOREIGN: Final = frozenset(_FOREIGN_WORDS.split())
#: letters that English borrows in names and loan words
_BORROWED: Final = frozenset("éèêëàâäáåãçñöôóòøõüúùíîïæœß")
#: how Unicode names the letters of Latin scripts, the signs µ, ª and º among them
_LATIN: Final = ("LATIN", "MICRO", "FEMININE", "MASCULINE")
#: the words of an address belong to no language
_ADDRESS: Final = re.compile(r"(?<!\S)\S*[@/]\S*|\b\w+(?:\.\w+)+")


def is_english(sentence: str) -> bool:
    """Whether the sentence is English; True unless there is evidence against it."""
    english = foreign = 0
    for word in _WORD.findall(_ADDRESS.sub(" ", sentence)):
        if len(word) == 2 and word.isupper():  # noqa: PLR2004 - a state, as in "Springfield, IL"
            continue
        small = word.lower()
        if small in _ENGLISH:
            english += 1
        elif small in _FOREIGN:
            foreign += 1
        elif not small.isascii():
            letters = [
                letter for letter in small if letter.isalpha() and not letter.isascii() and letter not in _BORROWED
            ]
            if not all(unicodedata.name(letter, "").startswith(_LATIN) for letter in letters):
                return False
            foreign += bool(letters)
    return foreign <= english
