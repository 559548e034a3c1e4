"""Tells whether a sentence is in the language that it would be read out in, from its script and function words.

A guess for one sentence. A sentence that is not clearly in another language counts as being in this one.
"""
# ruff: noqa: E501 - tables

import re
import unicodedata
from functools import cache
from typing import Final

_WORD: Final = re.compile(r"\b[^\W\d_]+\b(?:['’][^\W\d_]+\b)?")
#: the words of an address belong to no language
_ADDRESS: Final = re.compile(r"(?<!\S)\S*[@/]\S*|\b\w+(?:\.\w+)+")
#: common words of each language; those that several languages have tell nothing
_FUNCTION_WORDS: Final = {
    "en": """
        the and of for from with your you our my he she they them his their not yes have has had will would can could should
        may please there here what when where which who how does did then than about after before between until open closed
        call that this these those been is are was were it at in on to by or if we i be do as an but so
        """,
    "es": """
        a el la los las un uno una unos unas de del al y e o u que qué en con por para su sus es son está están hay no sí lo le
        les se nos me te mi tu como cuando donde más menos muy pero si ya desde hasta entre sobre sin este esta estos estas
        ese esa aquí ahora usted ustedes cuesta llega sale abre cierra puede tiene gracias hoy mañana tras cada
        """,
    "de": """
        der die das den dem des ein eine einen einem einer und oder aber ist sind war wird werden hat haben kann können mit für
        von zu zum zur im am um auf aus bei bis nach seit über unter vor ab an in nicht kein keine ich sie wir ihr ihre ihren
        ihnen es er auch noch nur schon wie was wann wo bitte heute morgen kostet kommt geht als wenn dass hier da so uhr
        """,
    "fr": """
        a le la les un une des du de et ou est sont était a ont avec pour par sur sous dans en au aux ce cet cette ces que qui
        quoi quand où comment pas ne plus moins très mais si il elle ils elles nous vous je tu on me se sa son ses mon ma mes
        notre votre vos leur leurs y à jusqu'à chez entre depuis vers puis merci aujourd'hui demain coûte arrive ouvre
        """,
    "it": """
        il lo la i gli le un uno una di del della dei delle dello da dal dalla in nel nella con su sul sulla per tra fra e ed o
        è sono era ha hanno che chi cosa quando dove come non sì più meno molto ma se si mi ti ci vi suo sua suoi sue mia
        al alla alle ai agli allo all dall questo questa questi queste qui a oggi domani costa arriva parte apre chiude grazie
        """,
    "pt": """
        o a os as um uma uns umas de do da dos das em no na nos nas e ou que com por para pelo pela ao à às aos é são está
        estão foi tem têm há não sim mais menos muito mas se já seu sua seus suas meu minha você vocês nós eu ele ela este
        esta esse essa isso aqui agora hoje amanhã até desde entre sobre sem quando onde como custa chega sai abre fecha
        """,
    "nl": """
        de het een en of maar is zijn was wordt worden heeft hebben kan kunnen met voor van te tot in op aan bij uit naar om
        over onder na sinds per niet geen ik u uw je jij we wij ze zij hij er dat die dit deze wat wanneer waar hoe ook nog
        al als dan open graag vandaag morgen kost komt gaat uur hier nu zo
        """,
}  # fmt: skip
#: and of languages without rules: Danish, Swedish, Polish, Czech, Hungarian, Romanian, Turkish, Finnish, Indonesian
_OTHERS: Final = """
    og ikke jeg af på det att är och inte för till kostar koster na jest są się godz nie że jsou je az és óra nem din pentru
    este sunt ve bir için saat değil ja on maksaa dari yang pukul untuk dan
"""
#: letters of the seven languages beside ASCII
_LETTERS: Final = frozenset("áàâäãçéèêëíìîïñóòôöõúùûüœæßªºµ")
#: what a word counts that only one language has, and one that several have
_OWN, _SHARED = 2, 1
_LATIN: Final = ("LATIN", "MICRO", "FEMININE", "MASCULINE")


@cache
def function_words(language: str) -> frozenset[str]:
    """The most common words of a language, in lower case."""
    return frozenset(_FUNCTION_WORDS[language].split())


@cache
def _languages_of() -> dict[str, tuple[str, ...]]:
    """Every word of the tables → the languages that have it."""
    found: dict[str, tuple[str, ...]] = dict.fromkeys(_OTHERS.split(), ("other",))
    for language in _FUNCTION_WORDS:
        for word in function_words(language):
            found[word] = (*found.get(word, ()), language)
    return found


def is_in(language: str, sentence: str) -> bool:
    """Whether the sentence is in this language; True unless more of its words belong to another one."""
    languages_of = _languages_of()
    counts: dict[str, int] = {}
    for word in _WORD.findall(_ADDRESS.sub(" ", sentence)):
        if len(word) == 2 and word.isupper():  # noqa: PLR2004 - a state or a country
            continue
        small = word.lower()
        languages = languages_of.get(small, ())
        for one in languages:
            counts[one] = counts.get(one, 0) + (_SHARED if len(languages) > 1 else _OWN)
        foreign = [letter for letter in small if not letter.isascii() and letter.isalpha() and letter not in _LETTERS]
        if not all(unicodedata.name(letter, "").startswith(_LATIN) for letter in foreign):
            return False
        if foreign:
            counts["other"] = counts.get("other", 0) + _OWN
    return max(counts.values(), default=0) - counts.pop(language, 0) < _OWN
