"""Every language that has no package of its own: nothing is read out in words, and yes and no are left to the model.

Sentences, words and sounds of listening are found by what all scripts and telephones have in common. What the platform
says by itself is English, unless the app says it otherwise.
"""

from dataclasses import replace
from functools import partial
from typing import Final

from orchestra.language.backchannel import Backchannels
from orchestra.language.english import LANGUAGE as ENGLISH
from orchestra.language.generic.greeting import only_greets
from orchestra.language.known_phrases import spoken_words
from orchestra.language.plain_text import plain_text
from orchestra.language.port import Language
from orchestra.language.sentence_splitter import SentenceEnds, SentenceSplitter
from orchestra.language.tags import base_of
from orchestra.language.terms import closest_term, stemmer, terms_of
from orchestra.language.utterance_reader import UtteranceReader
from orchestra.language.utterance_words import UtteranceWords

#: before names and numbers, in the languages around those that have packages
_ABBREVIATIONS: Final = """
dr, mr, mrs, ms, prof, ing, mgr, inż, doc, hr, fru, st, sv, św, ks, str, nr, no, č, čís, kl, tel, tlf, puh, klo, esim,
ul, al, pl, os, np, tzw, tzn, tj, m.in, godz, např, tzv, nám, napr, ulh, bl.a, t.ex, d.v.s, f.eks, bl, apt, ap, bd,
bul, sok, cad, mah, av, op, sn, örn, vb, u, krz, ул, пр, просп, пер, пл, г, д, кв, корп, стр, им, тел, гр, бул, вул,
буд, проф, инж, напр, т.е, т.к, руб, κ, κα, κος, δρ, οδ, αρ, τηλ, λεωφ, π.χ, δηλ
"""
_ENDS: Final = SentenceEnds(_ABBREVIATIONS, may_end="т.д, др, itp, itd, m.m, o.s.v, atd, κ.λπ, κλπ, vs", capitals=True)
_BACKCHANNELS: Final = Backchannels()


def _no_cue(text: str, *, screened: bool) -> None:
    """A robot cannot be told from a person by words that nobody here knows."""
    del text, screened


def _unknown(text: str) -> None:
    """Only the model can tell whether these words say yes."""
    del text


def _not_simply(text: str) -> bool:
    """Whether these words say yes and nothing more: nothing is done at a word that nobody here knows."""
    del text
    return False


LANGUAGE: Final = Language(
    code="und",
    name="another language",
    phrases=ENGLISH.phrases,
    to_plain_text=plain_text(None),
    verbalize=lambda sentence: sentence,
    sentence_splitter=partial(SentenceSplitter, _ENDS),
    in_words=ENGLISH.in_words,
    words=spoken_words,
    stem=lambda word: word,
    terms=terms_of(lambda word: word, ""),
    closest_term=closest_term,
    vague_terms=frozenset(),
    strip_pleasantries=lambda text: " ".join(spoken_words(text)),
    agrees=_unknown,
    simply_agrees=_not_simply,
    is_backchannel=_BACKCHANNELS.is_backchannel,
    may_become_backchannel=_BACKCHANNELS.may_become_backchannel,
    screening_cue=_no_cue,
    only_greets=only_greets,
    utterance_state=UtteranceReader(UtteranceWords()).state,
    tool_examples=dict.fromkeys(ENGLISH.tool_examples, ()),
)


def language_of_code(code: str, name: str) -> Language:
    """The language of a code that has no package, with the stems of Snowball if there are any."""
    stem = stemmer(base_of(code))
    return replace(LANGUAGE, code=code, name=name, stem=stem, terms=terms_of(stem, ""))
