"""Whether an English sentence may end where a caller pauses, or its last word needs another."""

import re
from typing import Final

from orchestra.language.english.asking import asks_yes_or_no, last_sentence
from orchestra.language.utterance import split_words

#: no sentence ends in these, whatever was said before
ALWAYS_UNFINISHED: Final = frozenset(
    split_words("""
    a an the my your our their its and or but because if unless until whereas of from into onto between during via per
    than very rather quite extremely i i'm i'd i've i'll we're we'd we've we'll you're you'd you've he's she's they're
    mr mrs ms dr whose it's there's that's here's what's who's where's called named says basically actually regarding
    concerning without toward towards every
    """)
)
#: these end a sentence only after a word that takes them: "log in", "thank you", "i think so"
_UNFINISHED_UNLESS_AFTER: Final = {
    word: frozenset(split_words(before))
    for word, before in {
        "about": "what how worry it think thinking talking",
        "am": "i",
        "are": "they you we there those these",
        "as": "",
        "at": "look looking live lived",
        "be": "could may will should can would might to",
        "been": "has have had ever",
        "by": "come came drop stop stopped",
        "can": "i we you he she it they",
        "could": "i we you he she it they",
        "for": "what looking asked ask asking paid pay wait waiting who",
        "had": "i we they he she",
        "has": "she he it",
        "have": "i you we they",
        "in": "log logged sign signed come came check checked move moved broke put phone call send fill it them "
        "him her stay get got all born live lived",
        "is": "it that he she this there",
        "like": "i you we they don't do did looks look sounds what",
        "must": "i we you",
        "not": "or if why maybe perhaps certainly of hope course absolutely probably did",
        "on": "hang go going come it them put turn turned carry moving keep was on is what that",
        "should": "i we you he she it they",
        "since": "ever",
        "so": "think hope believe guess say suppose do even or very",
        "that": "like do did want need understand for of about with all know at does than see after before mean hear "
        "heard said say understood on to from",
        "though": "even",
        "to": "want wanted like have going used need able talk talking speak speaking go where listen next spoke",
        "was": "it he she that there",
        "were": "they we you",
        "what": "so know you",
        "when": "",
        "where": "",
        "which": "",
        "while": "a for",
        "who": "",
        "will": "i we you he she it they",
        "with": "deal speak talk come start go spoke wrong",
        "would": "i we you he she it they",
        "you": "thank to for with from about tell help see call called calling love are by at on behind both "
        "appreciate",
    }.items()
}
#: of those, these also need one of `_ELLIPTIC` before them: "as soon as i can", "what it is"
_NEEDS_ELLIPSIS: Final = frozenset(
    split_words("to am is are was were has have had will would could can should must be been")
)
_ELLIPTIC: Final = frozenset(
    split_words("what who where when how why which if whether than as yes no yeah so because though")
)
_BEGINS_CLAUSE: Final = r"(?:^|[.?!,;]\s*|\b(?:and|but|so|because|well|yes|yeah|no|hi|hello|okay|uh|um)\s+)"
#: whole clauses that say what kind of thing comes, and not what
_EMPTY_CLAUSE: Final = re.compile(
    rf"{_BEGINS_CLAUSE}(?:"
    r"i (?:just |also |really )?(?:want|wanted|need|needed|have|got|would like|was wondering|was hoping|am calling"
    r"|think|guess|mean|believe|wonder)"
    r"|i'd (?:just )?like|i'm (?:just )?(?:calling|looking|trying|wondering)"
    r"|(?:can|could|would|do|did|are|will) you|(?:can|could|may|would) i|i'd|is there|are there|is it|what if"
    r"|we (?:would like|need|want)|(?:how|where|when|what) do i|please (?:send|give|tell|make|call|change|cancel|book)"
    r"|my (?:\w+ )?(?:name|number|address|email|e-mail|question|problem|order|account|code|phone|birthday)"
    r")\W*$"
)
_OFTEN: Final = r"(?:please |just |also |maybe |perhaps |then |still )*"
#: requests and wishes whose verb needs to be told what: "can you send me", "I want to buy", "does that include"
_NEEDS_OBJECT: Final = re.compile(
    rf"(?:\b(?:can|could|would|will|may|might|do|does|did|should|shall|to|please|let me|let's) {_OFTEN}"
    rf"(?:(?:i|you|we|they|he|she|it|that|this|(?:the|my|your|our) \w+) {_OFTEN})?)"
    r"(?:(?:tell|give|send|bring|get|lend|offer)(?: me| us)?|put(?: it| this| that| them)?|find|buy|take|make|include"
    r"|contain|change|add|remove|receive|require|mean)\W*$"
)
#: in their clause the object may come first: "what can I bring", "everything that you need to change"
_OBJECT_FIRST: Final = re.compile(r"\b(?:what|which|who|whose|where|when|how|why|that|all|\w+thing|else|one|ones)\b")
#: a subject of which nothing has been said, unless it is the answer to "which one", "where" or "what"
_SUBJECT_ALONE: Final = re.compile(
    r"(?:(?:and|but|so|well|yes|yeah|no|hi|hello|okay|um|uh),? )*(?:my|our|his|her|their) (?:\w+ )?\w+\W*"
)
#: a clause that the caller's turn begins with, and on which another follows: "when I called yesterday"
_CLAUSE_FIRST: Final = re.compile(
    r"(?:(?:and|but|so|well|yes|yeah|no|hi|hello|okay|um|uh),? )*"
    r"(?:when(?:ever)?|if|after|before|because|since|although|while|as soon as|once|unless|until) "
    r"(?!you (?:could|would|can|want|like|don't mind|please)\b)"
    r"(?:(?:i|you|we|they|he|she|it|this|that|these|those|there|some\w+|any\w+|no\w+)"
    r"|(?:the|my|your|our|his|her|their|an?) \w+) \w[^,.?!;]*\W*"
)
_TRAILS_OFF: Final = re.compile(r"(?:\.\.+|…|[,:;\N{EN DASH}\N{EM DASH}-])\s*$|\b(?:well|you know|i mean)\W*$")


def is_clause_first(text: str) -> bool:
    """Whether ``text`` (lower case) is a clause before a sentence, which answers nothing but "when" or "why"."""
    return _CLAUSE_FIRST.fullmatch(text) is not None and not text.endswith("?")


def is_subject_alone(text: str) -> bool:
    """Whether ``text`` (lower case) names something of somebody's, and says nothing of it: "my new phone"."""
    return _SUBJECT_ALONE.fullmatch(text) is not None and not text.endswith("?")


def is_unfinished(text: str, *, punctuation_tells: bool = True) -> bool:
    """Whether a sentence in lower case, as a speech engine writes it, needs at least another word.

    ``punctuation_tells``: what ends in a question mark does not.
    """
    if _TRAILS_OFF.search(text):
        return True
    if text.endswith("?") and (punctuation_tells or not asks_yes_or_no(text)):
        return False
    words = split_words(text)
    if _EMPTY_CLAUSE.search(text) or words[-1] in ALWAYS_UNFINISHED or _lacks_object(text):
        return True
    allowed = _UNFINISHED_UNLESS_AFTER.get(words[-1])
    if allowed is None:
        return False
    before = words[-2] if len(words) > 1 else ""
    return before not in allowed or (words[-1] in _NEEDS_ELLIPSIS and not _ELLIPTIC & frozenset(words[:-1]))


def _lacks_object(text: str) -> bool:
    found = _NEEDS_OBJECT.search(sentence := last_sentence(text))
    return found is not None and not _OBJECT_FIRST.search(sentence[: found.start()])
