"""English: how it is read out, understood and agreed in, and what the platform says in it."""

import calendar
from typing import Final

from orchestra.language.argument_words import ArgumentWords
from orchestra.language.english.agreement import agrees, simply_agrees
from orchestra.language.english.backchannel import is_backchannel, may_become_backchannel
from orchestra.language.english.call_screening import only_greets, screening_cue
from orchestra.language.english.stemming import closest_term, stem, strip_pleasantries, terms, words
from orchestra.language.english.utterance_state import utterance_state
from orchestra.language.plain_text import SignNames, plain_text
from orchestra.language.port import Language, Phrases
from orchestra.language.reading import verbalizer
from orchestra.language.sentence_splitter import SentenceSplitter

LANGUAGE: Final = Language(
    code="en",
    name="English",
    phrases=Phrases(
        apology="I am sorry, something went wrong on my side. Could you say that again?",
        holding="Just a moment, please.",
        bridges=("One moment.", "Let me see.", "Just a second.", "Okay, one moment."),
        still_there="Are you still there?",
        transfer_failed="I am sorry, nobody can take your call just now. What else can I do for you?",
        handed_back="You are speaking with our assistant again. What else can I do for you?",
        not_recorded="All right, this call is not recorded.",
        farewell="Thank you for calling. Good-bye.",
        transferring="I am putting you through to a person now.",
        passing_on="I am putting you through now.",
        incoming_transfer="A call from {app}. {briefing}",
        line_is_closed="The line is closed.",
        not_understood="The caller could not be understood when asked: {question}",
        accept_transfer="Press {key} to take it.",
        unknown_line="This number is not in service. Good-bye.",
        closed="We are closed at the moment. Please call again during our opening hours. Good-bye.",
        confirmation="Just to be sure: {what}{details}. Shall I do that?",
    ),
    to_plain_text=plain_text(SignNames(star="star", stars="stars", times="times")),
    verbalize=verbalizer("en"),
    sentence_splitter=SentenceSplitter,
    in_words=ArgumentWords(
        yes="yes", no="no", conjunction="and", names=(*calendar.day_name, *calendar.month_name)
    ).in_words,
    words=words,
    stem=stem,
    terms=terms,
    closest_term=closest_term,
    vague_terms=frozenset(
        terms("""
        night morning evening afternoon weekend tonight yesterday tomorrow week month year day hour minute time last
        next first order number come new old large small good way without
        """)
    ),
    strip_pleasantries=strip_pleasantries,
    agrees=agrees,
    simply_agrees=simply_agrees,
    is_backchannel=is_backchannel,
    may_become_backchannel=may_become_backchannel,
    screening_cue=screening_cue,
    only_greets=only_greets,
    utterance_state=utterance_state,
    tool_examples={
        "end_call": ("good bye", "bye bye", "that is all, thank you", "nothing else, thanks", "hang up"),
        "transfer_call": (
            "a person please",
            "let me talk to a human",
            "can I speak to somebody",
            "I want a real person",
        ),
    },
)
