"""How far a caller's words have got, as English-speaking callers say them and as speech engines write them."""

import pytest

from orchestra.language.english.utterance_state import utterance_state
from orchestra.language.utterance_state import UtteranceState

ANSWER, COMPLETE, OPEN = UtteranceState.ANSWER, UtteranceState.COMPLETE, UtteranceState.OPEN
UNFINISHED, DICTATION, THINKING = UtteranceState.UNFINISHED, UtteranceState.DICTATION, UtteranceState.THINKING

HELP = "How can I help you?"
NUMBER = "What is your parcel number?"
FOUR = "Please tell me the last four digits of your account."
CARD = "Can you read me your card number?"
PHONE = "What is your phone number?"
EMAIL = "And your e-mail address?"
ADDRESS = "What is your address?"
BIRTH = "What is your date of birth?"
SPELL = "Could you spell your last name for me?"
SHALL = "Shall I book Monday at three?"
CHOICE = "Would you like the small one or the large one?"
DAYS = "Which is better for you, Monday or Friday?"
TAG = "Your number is four two seven one, right?"


@pytest.mark.parametrize(
    "text",
    [
        "I would like to",
        "I would like to.",
        "I'd like to...",
        "He was not.",
        "to be rather",
        "My name is",
        "My parcel number is.",
        "The number is...",
        "I want.",
        "I need",
        "My address",
        "I'm calling about the",
        "I'm calling about.",
        "Can you",
        "Could you please tell me if you",
        "I bought it from",
        "Yes, and",
        "No, but.",
        "Yes, I would like the",
        "I lost my card and.",
        "Where is my",
        "It arrived on Monday, but.",
        "The thing is that.",
        "I was wondering",
        "I was wondering if.",
        "It is.",
        "It's",
        "I have",
        "I have a question about",
        "Because",
        "My order, well.",
        "Mr.",
        "We went to the shop,",
        "Please send",
        "My flight leaves at",
        "I was told that I could",
        "I think it was",
        "Would you please send.",
        "I would like to buy.",
        "Can we get",
        "Does the price include.",
        "Could you put it.",
        "After I paid the bill.",
        "If nobody is at home",
        "So while I was waiting,",
        "Once the plumber has left.",
        "My new bicycle.",
        "So, our neighbors",
    ],
)
def test_a_sentence_that_needs_another_word_is_unfinished(text: str) -> None:
    assert utterance_state(text, HELP) is UNFINISHED


@pytest.mark.parametrize(
    "text",
    [
        "I want to change my address.",
        "I can't log in.",
        "That's what I want.",
        "I don't know what it is.",
        "Please call as soon as you can.",
        "I think so.",
        "Please turn it on.",
        "I need two tickets.",
        "I would like to come at three.",
        "On Monday at half past nine.",
        "It costs 20 dollars.",
        "I am 42 years old.",
        "See you.",
        "I have been waiting for an hour.",
        "There is nothing I like.",
        "I don't know who to ask for.",
        "I need that.",
        "I want to know who sent it.",
        "My son is 12.",
        "Please call him.",
        "Tell me what I have to bring.",
        "That is everything we need to change.",
        "It stays open until we go home.",
        "What I ordered was a lamp.",
        "Do not send it.",
        "If you could repair it.",
        "Have a look at the second page.",
    ],
)
def test_a_whole_sentence_is_complete(text: str) -> None:
    assert utterance_state(text, HELP) is COMPLETE


@pytest.mark.parametrize(
    "text",
    [
        "Hello.",
        "hi there",
        "Good morning.",
        "Thank you for that.",
        "Okay, thanks a lot.",
        "No, that is not it.",
        "No, that's not what I ordered.",
        "That isn't right.",
        "That's wrong.",
        "That is fine.",
        "Yes, that's right.",
        "Hello. Thank you.",
        "I have a question.",
        "Hi. I've got a small problem.",
        "There is one more thing.",
        "There's something else I need to ask.",
        "My parcel has come. I have another question.",
    ],
)
def test_what_is_said_before_what_the_caller_wants_is_a_preamble(text: str) -> None:
    assert utterance_state(text, HELP) is UtteranceState.PREAMBLE


@pytest.mark.parametrize(
    "text",
    [
        "Hello?",
        "May I ask a question?",
        "The red one. Thank you.",
        "I have a question about",
        "There is a hole in it.",
        "That is fine with me, Monday.",
        "Goodbye.",
    ],
)
def test_what_says_more_or_closes_is_no_preamble(text: str) -> None:
    assert utterance_state(text, HELP) is not UtteranceState.PREAMBLE


@pytest.mark.parametrize("text", ["Where is my parcel 4271?", "Where are you from?", "How are you?", "What is it for?"])
def test_a_whole_question_hands_the_turn_over(text: str) -> None:
    assert utterance_state(text, HELP) is UtteranceState.QUESTION


@pytest.mark.parametrize(
    "text",
    ["Do you have any red ones.", "Is there a discount.", "Hello, would you mind.", "How much is it."],
)
def test_a_question_that_is_closed_like_a_statement_may_go_on(text: str) -> None:
    assert utterance_state(text, HELP) is OPEN


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("What can I bring?", UtteranceState.QUESTION),
        ("Can I cancel?", UtteranceState.QUESTION),
        ("Yes, is that what you have?", UtteranceState.QUESTION),
        ("Who should I send it to?", UtteranceState.QUESTION),
        ("We gave it to the neighbors?", UtteranceState.PREAMBLE),
        ("The blue one?", UtteranceState.PREAMBLE),
        ("I will come on Monday.", UtteranceState.PREAMBLE),
        ("Could you tell me?", UNFINISHED),
        ("Is there a chance to?", UNFINISHED),
        ("Would you please send?", UNFINISHED),
        ("I will come on Monday", OPEN),
        ("On Friday, please.", COMPLETE),
        ("Thank you and goodbye.", ANSWER),
    ],
)
def test_of_an_engine_that_closes_everything_only_the_words_tell(text: str, state: UtteranceState) -> None:
    assert utterance_state(text, HELP, punctuation_tells=False) is state


def test_please_closes_an_answer_whatever_engine_heard_it() -> None:
    assert utterance_state("On Friday, please.", "On which day shall we come?", punctuation_tells=False) is ANSWER


def test_a_noun_alone_answers_what_and_where() -> None:
    assert utterance_state("My new bicycle.", "What is it about?") is COMPLETE
    assert utterance_state("My brother.", "Who can take it in?") is COMPLETE


def test_a_clause_alone_answers_when_and_why() -> None:
    assert utterance_state("After I paid the bill.", "When did you notice it?") is COMPLETE
    assert utterance_state("Because I was ill.", "Why did you cancel it?") is COMPLETE


@pytest.mark.parametrize("text", ["I lost my parcel", "where is my order", "I need a new card", "", "."])
def test_words_without_a_full_stop_may_be_all_or_not(text: str) -> None:
    assert utterance_state(text, HELP) is OPEN


@pytest.mark.parametrize(
    "text",
    [
        "Um.",
        "Uh",
        "I would like, um,",
        "Hmm.",
        "Let me think.",
        "Let me see...",
        "Let me just check.",
        "Hold on.",
        "Hang on a second.",
        "One moment, please.",
        "Just a second.",
        "Give me a minute.",
        "Wait, let me get my card.",
        "Yes, it's, uh.",
        "My number is, let me see,",
        "Bear with me.",
        "I have to look it up.",
    ],
)
def test_a_caller_who_asks_for_time_or_fills_it_is_thinking(text: str) -> None:
    assert utterance_state(text, NUMBER) is THINKING


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (NUMBER, "My parcel number is 4, 2."),
        (NUMBER, "4 2"),
        (NUMBER, "Four two."),
        (NUMBER, "It is 42."),
        (NUMBER, "0 1 7 1."),
        (NUMBER, "7-1."),
        (NUMBER, "427 1"),
        (NUMBER, "double five"),
        (HELP, "My parcel number is 4, 2."),
        (HELP, "It's 5, 5, 5."),
        ("", "4, 2."),
        (FOUR, "4 2 7"),
        (FOUR, "Four two."),
        (CARD, "4539"),
        (CARD, "4539 1488."),
        (CARD, "4539 1488 0343"),
        (PHONE, "415"),
        (PHONE, "415 555."),
        ("Please say your six-digit code.", "1 2 3."),
        (SPELL, "S"),
        (SPELL, "S-M-I."),
        (SPELL, "S as in Sierra."),
        (SPELL, "M for mother"),
        (HELP, "My name is Smith, S, M, I"),
        (HELP, "A as in alpha, B as in bravo."),
        (HELP, "Tango Oscar."),
        (NUMBER, "A C 1 2"),
        (NUMBER, "A, C."),
        (EMAIL, "John dot Smith"),
        (EMAIL, "john.smith at"),
        (EMAIL, "John."),
        (EMAIL, "it's j underscore miller at gmail"),
        (HELP, "My e-mail is john dot smith at"),
        (ADDRESS, "12 High Street."),
        (ADDRESS, "Flat 3,"),
        (ADDRESS, "I live at 12 High Street, Springfield."),
        (HELP, "My address is 12 High Street."),
        (BIRTH, "The third of May."),
        (BIRTH, "May 3rd"),
        (BIRTH, "March"),
        (BIRTH, "The 12th."),
    ],
)
def test_a_part_of_a_number_a_name_or_an_address_is_dictation(asked: str, text: str) -> None:
    assert utterance_state(text, asked) is DICTATION


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (SHALL, "Yes."),
        (SHALL, "yes"),
        (SHALL, "No."),
        (SHALL, "Yes, please."),
        (SHALL, "No, thank you."),
        (SHALL, "Yeah, that's right."),
        (SHALL, "Of course."),
        (SHALL, "That's fine."),
        (SHALL, "I think so, yes."),
        (TAG, "Yes."),
        (TAG, "That's correct."),
        ("Is there anything else?", "No, that's all."),
        ("Do you have your card with you?", "Yes, I do."),
        (CHOICE, "The second one."),
        (CHOICE, "The large one, please."),
        (CHOICE, "Large."),
        (CHOICE, "Either."),
        (CHOICE, "I'd like the small one."),
        (DAYS, "Friday."),
        (DAYS, "On Friday, please."),
        (DAYS, "Monday would be better."),
        (DAYS, "Both."),
        (FOUR, "4 2 7 1"),
        (FOUR, "Four two seven one."),
        (CARD, "4539 1488 0343 6467."),
        (PHONE, "415 555 0199"),
        ("Please say your six-digit code.", "1 2 3, 4 5 6."),
        (EMAIL, "John dot Smith at example dot com."),
        (EMAIL, "john.smith@example.com"),
        (BIRTH, "The third of May, 1980."),
        (BIRTH, "May 3rd, nineteen eighty."),
        (BIRTH, "03 05 80"),
        (ADDRESS, "12 High Street, Springfield, 62704."),
    ],
)
def test_all_that_was_asked_for_is_an_answer(asked: str, text: str) -> None:
    assert utterance_state(text, asked) is ANSWER


@pytest.mark.parametrize(
    ("asked", "text", "state"),
    [
        (SHALL, "Yes, but.", UNFINISHED),
        (SHALL, "No, I'd like", UNFINISHED),
        (SHALL, "Yes, I", UNFINISHED),
        (SHALL, "Yes, and the", UNFINISHED),
        (SHALL, "No, on Tuesday at four.", COMPLETE),
        (CHOICE, "The", UNFINISHED),
        (CHOICE, "What is the difference?", UtteranceState.QUESTION),
        (NUMBER, "I don't have it.", COMPLETE),
        (NUMBER, "42 71, thank you.", ANSWER),
        ("Which day suits you?", "On Friday please.", ANSWER),
        (HELP, "That's fine, thank you.", ANSWER),
        (HELP, "Thank you and goodbye.", ANSWER),
        (HELP, "Good-bye.", ANSWER),
        (HELP, "Bye bye.", ANSWER),
        (HELP, "Please.", COMPLETE),
        (HELP, "Could you say that again, please?", UtteranceState.QUESTION),
        (EMAIL, "I don't have one.", COMPLETE),
        ("How many people are coming?", "Four.", COMPLETE),
        ("At what time?", "At 3 30.", COMPLETE),
        ("Which day suits you?", "The 12th.", COMPLETE),
        (SHALL, "At 4.", COMPLETE),
        ("Your parcel is in Denver.", "Yes.", COMPLETE),
        ("What is your name?", "Alexander.", COMPLETE),
    ],
)
def test_the_question_decides_what_the_same_words_are(asked: str, text: str, state: UtteranceState) -> None:
    assert utterance_state(text, asked) is state
