"""Recognizes the purpose of an English utterance, in any app: asks to repeat, agrees, declines, says good-bye."""

import re
from collections.abc import Collection

from orchestra.language.english.spoken_digits import digit_runs, without_numbers
from orchestra.language.english.stemming import closest_term, terms, words


def _any(*phrases: str) -> re.Pattern[str]:
    """One of the phrases, anywhere, as whole words."""
    return re.compile(rf"\b(?:{'|'.join(phrases)})\b")


def _begins(*phrases: str) -> re.Pattern[str]:
    """One of the phrases at the beginning, perhaps after "oh" or "well"."""
    return re.compile(rf"^(?:(?:oh|well|um|uh|ah) )*(?:{'|'.join(phrases)})\b")


_REPEAT = _any(
    "(?:say|said|tell me|read)(?: me)?(?: that| it| this)?(?: all)? (?:again|once more)",
    "repeat",
    "what did you(?: just)? say",
    "^(?:sorry )?come again$",
    "pardon",
    "(?:did ?nt|did not)(?: quite)? (?:hear|catch|understand|get)(?: that| you| it| what)?",
    "(?:could ?nt|can ?nt|could not|cannot) (?:hear|understand) you",
    "one more time",
    "^(?:sorry )?(?:what|excuse me|sorry|huh|what was that)(?: please)?$",
)
_BYE = _any(
    "good ?bye",
    "bye",
    "farewell",
    "good night",
    "hang up",
    "see you",
    "(?:thats|that is|that was|that will be|thatll be) (?:all|it|everything)",
    "nothing (?:else|more)",
    "(?:have|enjoy) a (?:nice|good|great|lovely) (?:day|evening|weekend|one)",
    "im (?:all )?(?:done|finished)",
    "(?:end|finish) (?:the|this) call",
    "i (?:do not|dont) need (?:anything|any) (?:else|more)",
)
_HUMAN = "(?:person|human|operator|representative|manager|supervisor|advis[eo]r|staff|colleague|employee|real people)"
_SOMEBODY = rf"(?:{_HUMAN}|some ?one|some ?body|an? agent|people)"
_TRANSFER = re.compile(r"\b(connect|transfer|put me|pass me|get me|give me|speak|talk)\b")
_PERSON = _any(
    "(?:speak|talk|connect|transfer|put|pass|get|give)(?: me| us)?(?: through| over| hold of)?(?: directly)?"
    rf"(?: to| with| of)?(?: an?| the| your| some| another)?(?: real| human| actual| live| proper)? ?{_SOMEBODY}",
    "(?:real|actual|live|human) (?:person|being|agent|people)",
    rf"{_HUMAN} (?:please|now)",
    rf"^(?:an? )?{_HUMAN}$",
    rf"(?:want|need|like|is there) an? {_HUMAN}",
    rf"{_SOMEBODY}(?: real| else)?(?: that| who)?(?: i| we) (?:can|could|may) (?:talk|speak) (?:to|with)",
)
_YES = _begins(
    "yes|yeah|yep|yup|yah|sure|ok|okay|correct|right|exactly|absolutely|definitely|certainly|of course|please|perfect",
    "great|alright|all right|fine|very well|go ahead|why not|sounds good|i do|i would|that would be",
    "(?:that is|thats) (?:right|correct|fine|good)",
)
_NO = _begins(
    "no|nope|nah|never|negative|rather not|id rather not|i would rather not|i do ?nt|do ?nt",
    "not (?:really|now|today|necessary|needed|at the moment)",
)
_THANKS = _any("thank you|thanks|thank|cheers")
_HELLO = _any("hello|hi|hey|good (?:morning|afternoon|evening|day)|are you (?:still )?there|is anybody there")
_WAIT = _any(
    "(?:just )?(?:a|one) (?:moment|second|minute)|hold on|hang on|wait", "let me (?:look|check|see|find|get|think)"
)
_NEVER_MIND = _any("never ?mind|forget (?:it|about it|that)|cancel (?:that|it)|leave it|do ?nt bother")
_DO_NOT_KNOW = _any(
    "(?:do ?nt|do not|cannot|cant|can not) (?:know|have|remember|find)",
    "no idea|not sure",
    "(?:lost|forgot) (?:it|the|my)",
)
_MACHINE = _any(
    "are you (?:a |an )?(?:real|robot|machine|computer|human|person|bot|ai|a i)",
    "am i (?:speaking|talking) to a (?:robot|machine|computer)",
)
_ASKS = _any(
    "how (?:much|long|many|do|can|does|should|big|heavy|late|far|often|old)",
    "what (?:happens?|if|are|is|does|do|about|kind|time|can|should|may|will|would)|whats|who|why|which",
    "tell me (?:about|how|what)|do (?:i|you|we|they) (?:have|need)|where (?:are|can|do|is (?:the|your|a))",
    "^(?:do(?! you know)|does|are|is|may|should|must|am|will|when (?:do|are|does|is))",
    "^can (?:i(?! have| get| book)|my|we|someone|somebody|anyone)|is it (?:possible|allowed)",
)
_PERSONAL = _any(
    "(?:where|when|why|until|how soon) (?:\\w+ ){0,4}(?:my|our)|(?:has|is|did|will) (?:my|our)",
    "i want|(?<!do )i need|id like|i would like|please|im waiting|i (?:have|ve) been waiting",
    "(?:it|this|that) again",
    "\\d{3,}",
)
_OPENERS = re.compile(
    r"^\W*((hello|hi|hey|well|oh|um|uh|so|ok|okay|yes|yeah|no|sorry|excuse me|please|and)\b[\s,.!-]*)+", re.IGNORECASE
)
_OTHER = _any("(?:another|other|different|second|next) (?:one|number|\\w+)")
_GOES_ON = re.compile(r"^(?:(?:and|or|also) )*(?:what about|how about)\b")
_ADDS = re.compile(r"^(?:and|or|also) (?!(?:and|or|also)\b)(.*)")
_OWN_QUESTION = re.compile(
    r"^(?:where|when|who|whose|which|what|why|how|do|does|did|is|are|am|was|can|could|may|must|should|will|would|have|has"
    r"|tell|i|we|my|please)\b"
)
_DAY = _any("(?:mon|tues|wednes|thurs|fri|satur|sun)days?|tomorrow")
_LITTLE = _any(
    _DAY.pattern,
    "today|day|after|number|oh|mean|meant|other|another|instead",
    "rather|better|great|good|fine|perfect|lovely|nice|kind|much|correct|course|works?|think|necessary|needed|absolutely",
    "definitely|exactly|certainly|yep|yup|yah|nope|nah|never|wrong|actually|alright|ahead|sounds?|cheers",
)
_FEW, _SOME = 1, 3
_SURE = 0.7


def plain(said: str) -> str:
    """The words in lower case with single spaces, apostrophes dropped."""
    return " ".join(words(said))


def is_repeat(said: str) -> bool:
    """Asks to hear the last reply again: "Sorry, could you say that again?"."""
    return _says(_REPEAT, said, besides=_FEW)


def is_bye(said: str) -> bool:
    """Ends the call: "That is all, thank you. Good bye."."""
    return _says(_BYE, said, besides=_SOME)


def wants_person(said: str) -> bool:
    """Asks for a person: "A person, please."."""
    return bool(_PERSON.search(plain(said)))


def wants_transfer(said: str) -> bool:
    """Asks for somebody else, whoever that is: "Can you connect me with the clinic?"."""
    return bool(_TRANSFER.search(plain(said)))


def is_yes(said: str) -> bool:
    """Agrees: "Yes, please."."""
    return bool(_YES.search(plain(said))) and not is_no(said)


def is_no(said: str) -> bool:
    """Declines: "No, thank you."."""
    return bool(_NO.search(plain(said)))


def agrees(said: str) -> bool:
    """Says yes and nothing else: no other wish, no number, no day."""
    return is_yes(said) and says_little(said) and not _gives_value(said)


def declines(said: str) -> bool:
    """Says no and nothing else: no other wish, no number, no day."""
    return is_no(said) and says_little(said) and not _gives_value(said)


def is_thanks(said: str) -> bool:
    """Thanks and says nothing else."""
    return _says(_THANKS, said, besides=0)


def is_hello(said: str) -> bool:
    """Greets or asks whether anybody is there, and says nothing else."""
    return _says(_HELLO, said, besides=0)


def is_wait(said: str) -> bool:
    """Asks for a moment: "Hold on, let me look."."""
    return _says(_WAIT, said, besides=_FEW) and not asks(said)


def is_never_mind(said: str) -> bool:
    """Withdraws the wish: "Never mind."."""
    return bool(_NEVER_MIND.search(plain(said)))


def does_not_know(said: str) -> bool:
    """Cannot answer the question: "I do not have the number."."""
    return bool(_DO_NOT_KNOW.search(plain(said)))


def asks_for_machine(said: str) -> bool:
    """Asks whether this is a machine."""
    return bool(_MACHINE.search(plain(said)))


def asks(said: str) -> bool:
    """Has the form of a question about facts: "How much …", "Do you …", "What happens if …"."""
    return any(_ASKS.search(plain(without_openers(sentence))) for sentence in re.split(r"[.!?]", said))


def is_personal(said: str) -> bool:
    """Is about the caller's own affairs or asks for an action, and so is not a question about facts."""
    return bool(_PERSONAL.search(plain(said)))


def goes_on(said: str) -> bool:
    """Continues the question before: "And on Sundays?", but not "And where can I park?"."""
    added = _ADDS.search(plain(said))
    return bool(_GOES_ON.search(plain(said)) or (added and not _OWN_QUESTION.search(added[1])))


def means_another(said: str) -> bool:
    """Refers to a different one than before: "and my other parcel?"."""
    return bool(_OTHER.search(plain(said)))


def says_little(said: str, besides: Collection[str] = ()) -> bool:
    """Contains only yes, no, thanks, numbers, days and the terms ``beside``: nothing that could be a wish."""
    return all(closest_term(term, besides)[1] >= _SURE for term in terms(_LITTLE.sub(" ", without_numbers(said))))


def without_openers(said: str) -> str:
    """The words without a leading "Well, um, yes"."""
    return _OPENERS.sub("", said).strip() or said.strip()


def _gives_value(said: str) -> bool:
    return bool(digit_runs(said) or _DAY.search(plain(said)))


def _says(pattern: re.Pattern[str], said: str, *, besides: int) -> bool:
    """Whether the words match the pattern, with at most ``beside`` further terms."""
    rest, found = pattern.subn(" ", plain(said))
    return bool(found) and len(terms(rest)) <= besides
