"""What a caller does with an utterance, whatever the app: asks to repeat, agrees, declines, says good-bye …"""

import re

from orchestra.agents.words import terms, words

_REPEAT = re.compile(
    r"\b(say|said) (that|it|this)? ?(all )?(again|once more)|\bsay again\b|\brepeat\b|what did you (just )?say|come again"
    r"|\bpardon\b|did ?nt (quite )?(hear|catch|understand|get) (that|you|it|what)|one more time|once more please"
    r"|(could|can) ?nt (hear|understand) you|^(sorry )?(what|excuse me|sorry|huh|what was that)( please)?$"
)
_BYE = re.compile(
    r"\b(good ?bye|bye|farewell|hang up|good night)\b|\bsee you\b|\b(thats|that is|that was|that will be|thatll be) (all|it|everything)\b"
    r"|\bnothing (else|more)\b|\b(have|enjoy) a (nice|good|great|lovely) (day|evening|weekend|one)\b|\bim (all )?(done|finished)\b"
    r"|\b(end|finish) (the|this) call\b|\bi (do not|dont) need anything (else|more)\b"
)
_HUMAN = r"(person|human|operator|representative|manager|supervisor|advis[eo]r|staff|colleague|employee|real people)"
_SOMEBODY = rf"({_HUMAN}|some ?one|some ?body|an? agent|people)"
_PERSON = re.compile(
    rf"\b(speak|talk|connect|transfer|put|pass|get)\b( me| us)?( through| over| hold of)?( directly)?( to| with| of)?"
    rf"( an?| the| your| some| another)?( real| human| actual| live| proper)? ?{_SOMEBODY}\b"
    rf"|\b(real|actual|live|human) (person|being|agent|people)\b|\b{_HUMAN} (please|now)\b|^(an? )?{_HUMAN}$"
    rf"|\b(want|need|like|is there) an? ({_HUMAN})\b"
)
_YES = re.compile(
    r"^(oh |well |um |uh )?(yes|yeah|yep|yup|yah|sure|ok|okay|correct|right|exactly|absolutely|definitely|certainly|of course"
    r"|please do|go ahead|why not|perfect|great|alright|all right|fine|very well|i do|i would|that would be"
    r"|that is (right|correct|fine|good)|thats (right|correct|fine|good)|sounds good|please)\b"
)
_NO = re.compile(
    r"^(oh |well |um |uh )?(no|nope|nah|not (really|now|today|necessary|needed|at the moment)|never|rather not|id rather not"
    r"|i do ?nt|do ?nt|negative|i would rather not)\b"
)
_THANKS = re.compile(r"\b(thank you|thanks|thank|cheers)\b")
_HELLO = re.compile(r"^(hello|hi|hey|good (morning|afternoon|evening|day)|are you (still )?there)\b")
_WAIT = re.compile(
    r"\b((just )?(a|one) (moment|second|minute)|hold on|hang on|wait)\b|\blet me (look|check|see|find|get|think)\b"
)
_NEVER_MIND = re.compile(r"\b(never ?mind|forget (it|about it|that)|cancel (that|it)|leave it|do ?nt bother)\b")
_DO_NOT_KNOW = re.compile(
    r"\b(i )?(do ?nt|do not|cannot|cant|can not) (know|have|remember|find)\b|\bno idea\b|\bnot sure\b|\b(lost|forgot) (it|the|my)\b"
)
_MACHINE = re.compile(
    r"\bare you (a |an )?(real|robot|machine|computer|human|person|bot|ai|a i)\b|am i (speaking|talking) to a (robot|machine|computer)"
)
_ASKS = re.compile(
    r"\b(how (much|long|many|do|can|does|should|big|heavy|late|far|often)|what (happens?|if|are|is|does|do|about|kind|time|can|should|may)"
    r"|whats|do (i|you|we|they)|does|are (you|there|we)|is (it|there|that|a)|can (i|you|we|my|someone|somebody)|could (i|my|someone|somebody)|may (i|my)|am i allowed"
    r"|when (do|are|does|is)|where (are|can|do)|which|who|why|tell me (about|how|what)|should i|must i|am i|will (it|you|they|i))\b"
)  # fmt: skip
_WISHES = re.compile(r"\b(i (want|need|wish)|i would like|id like|id love|please|im calling|could you|can you)\b")
_OPENERS = re.compile(
    r"^\W*((hello|hi|hey|well|oh|um|uh|so|ok|okay|yes|yeah|no|sorry|excuse me|please|and)\b[\s,.!-]*)+", re.IGNORECASE
)
_OTHER = re.compile(r"\b(another|other|different|second|next) (parcel|package|one|number|order|\w+)\b")
_LITTLE = re.compile(
    r"\b(mon|tues|wednes|thurs|fri|satur|sun)days?\b|\b(today|tomorrow|day|after|number|parcel|zero|one|two|three|four|five|six"
    r"|seven|eight|nine|oh|double|mean|meant|said|other|another|instead|rather|better|great|good|fine|perfect|lovely|nice"
    r"|kind|much|correct|course|thank|thanks|yes|no|nope|sure|works?|it|think|necessary|needed|today|absolutely|definitely"
    r"|exactly|yep|yup|nah|wrong|actually|alright|go|ahead|sound|sounds|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)\b"
)
_PERSONAL = re.compile(
    r"\b(where|when|has|have|is|was|did|why|track|find|about)\b.*\b(my|our) (\w+ )?(parcel|package|order|delivery|box|letter)\b"
    r"|\b(i want|i need|id like|i would like|please|im waiting|i have been waiting)\b|\b(it|this|that) again\b|\d{3}"
)
_GOES_ON = re.compile(r"^(and|or|what about|how about|also)\b")
_FEW, _SOME = 1, 3


def plain(said: str) -> str:
    """The words in lower case with single spaces, apostrophes dropped."""
    return " ".join(words(said))


def is_repeat(said: str) -> bool:
    """Asks to hear the last reply again: "Sorry, could you say that again?"."""
    return bool(_REPEAT.search(plain(said))) and len(terms(_REPEAT.sub(" ", plain(said)))) <= _FEW


def is_bye(said: str) -> bool:
    """Ends the call: "That is all, thank you. Good bye."."""
    return bool(_BYE.search(plain(said))) and len(terms(_BYE.sub(" ", plain(said)))) <= _SOME


def wants_person(said: str) -> bool:
    """Asks for somebody to talk to: "A person, please."."""
    return bool(_PERSON.search(plain(said)))


def is_yes(said: str) -> bool:
    """Agrees: "Yes, please."."""
    return bool(_YES.search(plain(said))) and not is_no(said)


def is_no(said: str) -> bool:
    """Declines: "No, thank you."."""
    return bool(_NO.search(plain(said)))


def is_thanks(said: str) -> bool:
    """Thanks and says nothing else."""
    return bool(_THANKS.search(plain(said))) and not terms(_THANKS.sub(" ", plain(said)))


def is_hello(said: str) -> bool:
    """Greets, or asks whether somebody is there, and says nothing else."""
    return bool(_HELLO.search(plain(said))) and not terms(_HELLO.sub(" ", plain(said)))


def is_wait(said: str) -> bool:
    """Asks for a moment: "Hold on, let me look."."""
    return (
        bool(_WAIT.search(plain(said)))
        and len(terms(_WAIT.sub(" ", plain(said)))) <= _FEW
        and not _ASKS.search(plain(said))
    )


def is_never_mind(said: str) -> bool:
    """Takes the wish back: "Never mind."."""
    return bool(_NEVER_MIND.search(plain(said)))


def does_not_know(said: str) -> bool:
    """Cannot answer the question: "I do not have the number."."""
    return bool(_DO_NOT_KNOW.search(plain(said)))


def asks_for_machine(said: str) -> bool:
    """Asks whether this is a machine."""
    return bool(_MACHINE.search(plain(said)))


def asks(said: str) -> bool:
    """Has the form of a question about how things are: "How much …", "Do you …", "What happens if …"."""
    return bool(_ASKS.search(plain(said)))


def wishes(said: str) -> bool:
    """Has the form of a wish: "I would like …", "Could you …"."""
    return bool(_WISHES.search(plain(said)))


def means_another(said: str) -> bool:
    """Speaks of another one than before: "and my other parcel?"."""
    return bool(_OTHER.search(plain(said)))


def says_little(said: str) -> bool:
    """Hardly anything beside yes, no, numbers and days: nothing that could be a wish of its own."""
    return len([term for term in terms(_LITTLE.sub(" ", plain(said))) if not term.isdigit()]) <= 0


def is_personal(said: str) -> bool:
    """About a thing of the caller's own, or asking for something to be done: no question about how things are."""
    return bool(_PERSONAL.search(plain(said)))


def goes_on(said: str) -> bool:
    """Goes on from the question before: "And on Sundays?"."""
    return bool(_GOES_ON.search(plain(said)))


def without_openers(said: str) -> str:
    """The words without "Well, um, yes" before them."""
    rest = _OPENERS.sub("", said).strip()
    return rest or said.strip()
