"""The words of a language as data, and the language made of them. English has machinery of its own beside it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from orchestra.language.agreement import Agreement
from orchestra.language.argument_words import ArgumentWords
from orchestra.language.backchannel import Backchannels
from orchestra.language.call_screening import CallScreening, ScreeningPatterns
from orchestra.language.known_phrases import KnownPhrases, phrase_words, spoken_words
from orchestra.language.plain_text import SignNames, plain_text
from orchestra.language.port import Language, Phrases
from orchestra.language.reading import verbalizer
from orchestra.language.sentence_splitter import SentenceEnds, SentenceSplitter
from orchestra.language.terms import closest_term, stemmer, terms_of
from orchestra.language.utterance_reader import UtteranceReader
from orchestra.language.utterance_words import UtteranceWords


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """What one language says for what. Lists of phrases have commas between them; single words, spaces.

    Attributes:
        code: ISO 639-1.
        name: in English.
        phrases: what the platform says by itself, as a native speaker says it on the telephone, politely.
        signs: the signs that are read out.
        tool_examples: as `Language.tool_examples`.
        yes: phrases that say yes, whatever else is said.
        may_say_yes: phrases that say yes if nothing but yes is said.
        no: phrases that say no, or take back a yes.
        beside_yes: phrases that change nothing beside a yes.
        backchannels: phrases that only show that somebody listens.
        fragments: words of which alone no turn consists.
        pardons: sounds that, with a question mark, ask to say it again.
        no_sounds: words of this language that are sounds elsewhere, as "um".
        stop_words: words that carry no meaning of their own.
        vague: words that occur in questions about anything.
        polite: phrases around a request that do not change its meaning.
        flags: "yes" and "no" as values of an argument.
        conjunction: "and".
        names: days, months and others that the language writes with capital letters.
        greetings: words with which people take up a telephone.
        screening: what robots say that take up a telephone.
        sentence_ends: where a full stop ends no sentence.
        utterance: the words that tell how far an utterance has got.

    """

    code: str
    name: str
    phrases: Phrases
    signs: SignNames | None
    tool_examples: Mapping[str, tuple[str, ...]]
    yes: str
    may_say_yes: str
    no: str
    beside_yes: str
    backchannels: str
    fragments: str = ""
    pardons: str = ""
    no_sounds: str = ""
    stop_words: str
    vague: str
    polite: str
    flags: tuple[str, str]
    conjunction: str
    names: str = ""
    greetings: str
    screening: ScreeningPatterns
    sentence_ends: SentenceEnds = field(default_factory=SentenceEnds)
    utterance: UtteranceWords


def language_of(vocabulary: Vocabulary) -> Language:
    """The language of these words."""
    agreement = Agreement(
        yes=vocabulary.yes, may_say_yes=vocabulary.may_say_yes, no=vocabulary.no, beside=vocabulary.beside_yes
    )
    backchannels = Backchannels(
        vocabulary.backchannels,
        fragments=vocabulary.fragments,
        pardons=vocabulary.pardons,
        words=vocabulary.no_sounds,
    )
    stem = stemmer(vocabulary.code)
    terms = terms_of(stem, vocabulary.stop_words)
    screening = CallScreening(vocabulary.screening, vocabulary.greetings)
    yes, no = vocabulary.flags
    argument_words = ArgumentWords(yes=yes, no=no, conjunction=vocabulary.conjunction, names=vocabulary.names.split())
    return Language(
        code=vocabulary.code,
        name=vocabulary.name,
        phrases=vocabulary.phrases,
        to_plain_text=plain_text(vocabulary.signs),
        verbalize=verbalizer(vocabulary.code),
        sentence_splitter=lambda: SentenceSplitter(vocabulary.sentence_ends),
        in_words=argument_words.in_words,
        words=spoken_words,
        stem=stem,
        terms=terms,
        closest_term=closest_term,
        vague_terms=frozenset(terms(vocabulary.vague)),
        strip_pleasantries=without_phrases(vocabulary.polite),
        agrees=agreement.agrees,
        simply_agrees=agreement.simply_agrees,
        is_backchannel=backchannels.is_backchannel,
        may_become_backchannel=backchannels.may_become_backchannel,
        screening_cue=screening.cue,
        only_greets=screening.only_greets,
        utterance_state=UtteranceReader(
            vocabulary.utterance,
            yes=f"{vocabulary.yes},{vocabulary.may_say_yes}",
            no=vocabulary.no,
            beside=vocabulary.beside_yes,
        ).state,
        tool_examples=vocabulary.tool_examples,
    )


def without_phrases(polite: str) -> Callable[[str], str]:
    """Make the function that takes these phrases off both ends of an utterance."""
    phrases = KnownPhrases(polite)

    def strip(text: str) -> str:
        words = phrase_words(text)
        while count := phrases.length_at(words, 0):
            del words[:count]
        while count := phrases.length_before(words):
            del words[len(words) - count :]
        return " ".join(words)

    return strip
