"""What callers and agents of one language say, by what it tells about how far an utterance has got."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class UtteranceWords:
    """Lists of phrases, with commas between them. What is empty is not recognized.

    Attributes:
        hesitates: fill time at the end of an utterance: "this is, well".
        waits: ask for time at the end: "one moment".
        looks: with these begins a sentence in which the caller looks for something: "let me see".
        leads_in: words before a sentence that change nothing: "well", "and".
        closes: polite words after which nothing comes: "please", "good-bye".
        unfinished: no utterance ends in these: articles, conjunctions.
        begun: a clause that consists of one of these needs more: "my name is", "can you".
        copulas: need more at the end of an utterance in which nothing asks or refers: "the problem is".
        preambles: an utterance of nothing else says little: "hello", "thank you".
        announces: an utterance that ends so says what kind of thing comes: "I have a question".
        clauses: a first clause begins so, on which another follows: "when", "if".
        asks: a question begins so.
        pointing: name one of several: "the first one", "both".
        with_choice: change nothing beside the name of a choice: "I would like", "the".
        question_words: ask for more than yes or no: "what".
        requests: ask for something without a question: "tell me".
        or_: between two choices.
        tags: make a yes/no question of a statement, at its end: "right".
        whys: of these questions a clause alone is the answer: "when", "why".
        digits_wanted: what consists of digits: "number", "code".
        spelling_wanted: "spell".
        email_wanted: "e-mail".
        address_wanted: "address".
        birth_wanted: "date of birth".
        lengths: numbers from one on, in order, as in "the last four digits".
        digit_nouns: "digits", "figures".
        card: "credit card": numbers of sixteen digits.
        quantities: ask for a number that nobody dictates: "how many", "what time".
        digits: the words for 0 to 9.
        tens: other number words.
        at: the sign of an e-mail address.
        dot: its full stop first, and then other signs of it.
        spells_like: between a letter and a word: "b for Berlin".
        months: their names.
        address_begins: "I live in", "my address is".

    """

    hesitates: str = ""
    waits: str = ""
    looks: str = ""
    leads_in: str = ""
    closes: str = ""
    unfinished: str = ""
    begun: str = ""
    copulas: str = ""
    preambles: str = ""
    announces: str = ""
    clauses: str = ""
    asks: str = ""
    pointing: str = ""
    with_choice: str = ""
    question_words: str = ""
    requests: str = ""
    or_: str = ""
    tags: str = ""
    whys: str = ""
    digits_wanted: str = ""
    spelling_wanted: str = ""
    email_wanted: str = ""
    address_wanted: str = ""
    birth_wanted: str = ""
    lengths: str = ""
    digit_nouns: str = ""
    card: str = ""
    quantities: str = ""
    digits: str = ""
    tens: str = ""
    at: str = ""
    dot: str = ""
    spells_like: str = ""
    months: str = ""
    address_begins: str = ""
