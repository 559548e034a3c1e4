"""What the robots say that answer a telephone for its owner: screening assistants, and answering machines.

Their words, as they were in 2026: Apple's since iOS 26 ("Hi, if you record your name and reason for calling, I'll see
if this person is available", then "Thanks. Please stay on the line"), Google's Call Screen ("the person you're calling
is using a screening service from Google … say your name and why you're calling") and Call Assist ("Before I try to
connect you, can I ask what you're calling about?"), and what their owners choose as an answer: "Is it urgent?", "I
can't talk right now", "Please remove this number from your contact list". Sources:
https://support.google.com/phoneapp/answer/9094888 https://support.aircall.io/en-gb/articles/30727075383837
"""

from typing import Final

from orchestra.language.call_screening import CallScreening, ScreeningPatterns

_WHY: Final = r"(?:reason|why|what|purpose)\b"

_ASKS: Final = (
    rf"\b(?:record(?:ing)?|state|say|announce) (?:me )?(?:your|you|the) name\b.{{0,40}}\b{_WHY}"
    rf"|\b(?:record(?:ing)?|state) (?:your |the )?{_WHY}"
    r"|\bscreening (?:service|assistant)|\bcall screen\b|\bcalls? (?:is|are|being) (?:being )?screened"
    r"|\bsee if (?:this|the) person is available"
    r"|\bcall assist(?:ant)?\b.{0,40}\b(?:google|recording)"
    r"|\bbefore i (?:try to |can )?(?:connect|put) you\b"
    r"|\bfor the person you(?:'re| are) (?:calling|trying to reach)"
    r"|\bwill get a copy of this (?:call|conversation)"
    rf"|\bgo ahead and say (?:your name|{_WHY})"
    rf"|\bsay who you are and {_WHY}"
)
#: only of somebody who is known to be a robot: people ask the same
_ASKS_ON: Final = (
    r"\bis (?:it|this) urgent|\btell me more\b|\bwho(?: is|'s) (?:this|calling)"
    r"|\bwhat(?: is|'s) (?:this|it|the call)(?: call)? (?:about|regarding)|\bcalling about\b"
    r"|\b(?:can't|cannot|couldn't|could not|didn't|did not) (?:quite )?(?:understand|hear|catch|get)"
    r"|\b(?:say|repeat) that again|\byour name\b"
)
_DECLINES: Final = (
    r"\b(?:not|isn't|n't) (?:\w+ )?available\b|\bunavailable\b"
    r"|\b(?:can't|cannot|can not|unable to|won't) (?:\w+ )?(?:talk|take|answer|come|speak)"
    r"|\bnot interested\b|\bremove (?:this|my|the|our) number|\bdo(?: not|n't) call\b|\bnot accepting\b"
    r"|\b(?:call|text|get back to|get in touch with) you (?:back|later|soon)|\bi'll (?:call|text) you\b"
    r"|\bcall (?:me )?(?:back )?later\b|\bsend (?:me )?(?:\w+ )?(?:information|message|text)\b|\bgood ?bye\b"
)
_WAITS: Final = (
    r"\b(?:stay|remain|hold) on\b|\b(?:please|and) (?:hold|wait)\b|\b(?:one|a) (?:moment|second|minute)\b"
    r"|\bconnect(?:ing)? you\b|\bi'll (?:see|check|ask|find out|let (?:them|him|her) know)|\blet me (?:see|check)"
    r"|^(?:okay |ok |great )?(?:thanks|thank you)(?: very much| so much)?$"
)
_TAKES_MESSAGE: Final = (
    r"\b(?:leave|record) (?:me |us )?(?:a|your|the)(?: \w+)? message"
    r"|\b(?:after|at|following) the (?:tone|beep|signal)\b|\bvoice ?mail\b|\bmailbox\b"
)
_GREETING_WORDS: Final = "hello hi hey hallo yes yeah yep speaking there good morning afternoon evening okay ok it's me"

_SCREENING: Final = CallScreening(
    ScreeningPatterns(takes_message=_TAKES_MESSAGE, asks=_ASKS, asks_on=_ASKS_ON, declines=_DECLINES, waits=_WAITS),
    _GREETING_WORDS,
)
screening_cue = _SCREENING.cue
only_greets = _SCREENING.only_greets
