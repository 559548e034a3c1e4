"""A language: how its text is spoken, how a caller's words are understood, and the platform's own phrases in it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from orchestra.language.call_screening import ReadsScreening
from orchestra.language.sentence_splitter import SentenceSplitter
from orchestra.language.utterance_state import UtteranceState


class UtteranceStateOf(Protocol):
    """`Language.utterance_state`."""

    def __call__(self, text: str, asked: str = "", *, punctuation_tells: bool = True) -> UtteranceState:
        """How far ``text`` has got, as an answer to ``asked``."""


@dataclass(frozen=True, kw_only=True)
class Phrases:
    """What the platform says when an app does not give its own words.

    Attributes:
        apology: the model failed or took too long.
        holding: the caller has heard nothing for two seconds, or for longer after a bridge.
        bridges: begin a reply that is not there yet; they are used in turn, and fit anything that the caller may say.
        still_there: the caller has been silent for a long time.
        transfer_failed: no person took the call, and the caller is back with the agents.
        handed_back: an operator has spoken with the caller, who is back with the agents.
        not_recorded: the caller does not want to be recorded.
        farewell: the call ends.
        transferring: the call goes to a person.
        passing_on: the call goes to another app.
        incoming_transfer: announces a call to that person; names ``{app}`` and ``{briefing}``.
        line_is_closed: tells that person why a call comes to them outside the hours of its line.
        not_understood: tells them that nobody understood the caller; names the ``{question}``.
        accept_transfer: tells that person which ``{key}`` takes the call.
        unknown_line: a number was dialled that nobody answers, and the call ends.
        closed: a line is called outside its hours, and the call ends.
        confirmation: asks the caller before a tool runs; names ``{what}`` the tool does and its ``{details}``.

    """

    apology: str
    holding: str
    bridges: tuple[str, ...]
    still_there: str
    transfer_failed: str
    handed_back: str
    not_recorded: str
    farewell: str
    transferring: str
    passing_on: str
    incoming_transfer: str
    line_is_closed: str
    not_understood: str
    accept_transfer: str
    unknown_line: str
    closed: str
    confirmation: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Language:
    """Everything that the platform asks of a language. All of its functions are pure.

    Attributes:
        code: BCP 47, as it was asked for: ``en``, ``es-MX``.
        name: in English, ``Spanish``.
        phrases: the platform's own words.
        to_plain_text: takes Markdown, links and emoji out of a sentence and names the signs that carry meaning.
        verbalize: writes numbers, money, dates, times and abbreviations of a plain sentence as words.
        sentence_splitter: makes a splitter for one stream of text.
        in_words: a tool's argument as people say it; of the texts only the given choices are changed.
        words: the words of a text in lower case, without punctuation.
        stem: a word without its ending.
        terms: the stems of the words that carry meaning, in order.
        closest_term: the known term that an unknown one was most likely meant to be, and how likely that is, 0 to 1.
        vague_terms: terms that occur in questions about anything, and find nothing on their own.
        strip_pleasantries: an utterance without what is only polite around it, short forms spelled out.
        agrees: whether the caller's words say yes, and nothing in them says no; None if only the model can tell.
        simply_agrees: whether they say yes and nothing more.
        is_backchannel: whether words only show that somebody listens ("mhm").
        may_become_backchannel: whether first words may still turn out to be one.
        screening_cue: what a robot says that screens calls for its owner; None if a person may have said it.
        only_greets: whether somebody who has taken up a telephone has only said hello.
        utterance_state: how far a caller's words have got, as an answer to the agent's last words (empty: none);
            ``punctuation_tells``: whether full stops and question marks stand only where a sentence is probably over.
        tool_examples: what callers say when they need a built-in tool, by the tool's name.

    """

    code: str
    name: str
    phrases: Phrases
    to_plain_text: Callable[[str], str]
    verbalize: Callable[[str], str]
    sentence_splitter: Callable[[], SentenceSplitter]
    in_words: Callable[[Any, Collection[str]], str]
    words: Callable[[str], list[str]]
    stem: Callable[[str], str]
    terms: Callable[[str], list[str]]
    closest_term: Callable[[str, Collection[str]], tuple[str, float]]
    vague_terms: frozenset[str]
    strip_pleasantries: Callable[[str], str]
    agrees: Callable[[str], bool | None]
    simply_agrees: Callable[[str], bool]
    is_backchannel: Callable[[str], bool]
    may_become_backchannel: Callable[[str], bool]
    screening_cue: ReadsScreening
    only_greets: Callable[[str], bool]
    utterance_state: UtteranceStateOf
    tool_examples: Mapping[str, tuple[str, ...]]

    def to_speech(self, sentence: str) -> str:
        """A sentence as a model wrote it, as the words that the speech engine gets; empty if nothing is left to say."""
        return self.verbalize(self.to_plain_text(sentence))
