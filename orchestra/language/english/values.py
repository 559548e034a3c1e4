"""Values as they are said in English."""

from typing import Final

from orchestra.language.values.below_hundred import below_hundred
from orchestra.language.values.port import CapturePhrases, ValueWords, listed, numbered

VALUES: Final = ValueWords(
    code="en",
    phrases=CapturePhrases(
        questions={
            "number": "Which number is it?",
            "digits": "Which number is it, digit by digit?",
            "name": "What is your name?",
            "email": "What is your e-mail address?",
            "phone": "What is your telephone number?",
            "date": "Which date is it?",
            "address": "What is your address, with the postcode?",
            "yesno": "Yes or no?",
            "choice": "Which one would you like: {value}?",
            "card": "What is the number of your card?",
            "card_expiry": "And until when is it valid, month and year?",
            "card_cvc": "And the security code of the card?",
        },
        right="{value}. Is that right?",
        ending="The card that ends in {value}",
        again="Sorry, I did not get that. {question}",
        wrong="Sorry about that. {question}",
        invalid="That does not seem to be right. {question}",
        go_on="{value}. Go on, please.",
        spell="Could you spell it for me, letter by letter?",
        keys="Please enter it on the keys of your telephone, and press the hash key at the end.",
        or_="or",
    ),
    numbers=below_hundred("en") | {"oh": 0, "nought": 0, "nil": 0, "fourty": 40},
    hundreds={"hundred": 100},
    thousands=frozenset({"thousand"}),
    millions=frozenset({"million"}),
    joins=frozenset({"and"}),
    times={"double": 2, "triple": 3},
    sounds={"o": "0", "to": "2", "too": "2", "for": "4", "fore": "4", "won": "1", "ate": "8", "tree": "3"},
    point=frozenset({"point"}),
    minus=frozenset({"minus", "negative"}),
    half=frozenset({"and a half"}),
    decimal_comma=False,
    yes=listed("""
    yes, yeah, yep, yup, aye, sure, correct, right, exactly, absolutely, definitely, certainly, of course, ok, okay,
    fine, perfect, great, please do, go ahead, i do, i am, i did, i have, it is, that is it, that s it,
    affirmative, mhm, uh huh, no problem, no worries, i guess so, i think so
    """),
    no=listed("""
    no, nope, nah, wrong, incorrect, not right, not correct, not quite, i do not, i don t, i am not, i m not, it is not,
    it isn t, it s not, that is not, that s not, never, negative, rather not, not really, i didn t, i haven t
    """),
    but=frozenset({"but", "except", "actually", "only"}),
    idioms=listed("""
    the one, that one, this one, have one, got one, no one, one moment, one second, one minute, one sec, which one,
    for a second, just a second, one more time
    """),
    unwilling=listed("""
    i do not know, i don t know, i do not have, i don t have, i have no, i haven t got, no idea, i can t remember,
    i forgot, i d rather not, i would rather not, i do not want to, i don t want to, none of your business, not going to
    tell, why do you need, why do you want, never mind, forget it, a person, a human, an operator, an agent, somebody
    else, a real person, cancel, stop, prefer not to say, won t tell you, don t remember, can t find
    """),
    negations=frozenset({"not"}),
    excepts=listed("""
    anything but, any but, any day but, any time but, any of them but, anyone but, everything but, every day but,
    all but, whichever but, either but, except, except for, excepting, excluding, other than, apart from, aside from
    """),
    first=frozenset({"first", "beginning", "start", "starts"}),
    last=frozenset({"last", "end", "ends", "ending"}),
    ordinals=numbered("""
    first, second, third, fourth, fifth, sixth, seventh, eighth, ninth, tenth, eleventh, twelfth, thirteenth,
    fourteenth, fifteenth, sixteenth, seventeenth, eighteenth, nineteenth, twentieth, twenty first, twenty second,
    twenty third, twenty fourth, twenty fifth, twenty sixth, twenty seventh, twenty eighth, twenty ninth, thirtieth,
    thirty first
    """),
    months=numbered("""
    january/jan, february/feb, march/mar, april/apr, may, june/jun, july/jul, august/aug, september/sep/sept,
    october/oct, november/nov, december/dec
    """),
    weekdays=numbered("monday, tuesday, wednesday, thursday, friday, saturday, sunday", 0),
    days={
        "today": 0,
        "tonight": 0,
        "tomorrow": 1,
        "the day after tomorrow": 2,
        "day after tomorrow": 2,
        "yesterday": -1,
        "the day before yesterday": -2,
        "day before yesterday": -2,
        "a week from today": 7,
        "next week": 7,
        "a week from tomorrow": 8,
    },
    within=frozenset({"in", "within"}),
    units={"day": 1, "days": 1, "week": 7, "weeks": 7, "month": 30, "months": 30},
    next=frozenset({"next"}),
    month_first=True,
    at=("at",),
    signs={
        "dot": ".",
        "period": ".",
        "full stop": ".",
        "underscore": "_",
        "under score": "_",
        "dash": "-",
        "hyphen": "-",
        "minus": "-",
        "plus": "+",
    },
    introduces=listed("""
    is, it s, its, i m, i am, this is, that s, called, make it, address is, name s, here s, it would be,
    under, at least,
    should be, must be, use, try, e mail, email, write to, call me, are, was
    """),
    fillers=listed("""
    um, uh, er, oh, well, yes, yeah, no, okay, ok, so, please, thanks, sorry, spelled, spelt, spell, that, it, the, my,
    name, first, last, surname, family, actually, and, but, i, said, all, lower, case, lowercase, capital, letters,
    sure,
    hi, hello, hey, of, course, you, can, me, thank, then, just, written, right, one, word, wrong,
    incorrect, not, quite, again, with
    """),
    with_=frozenset({"with"}),
    without=frozenset({"without"}),
    as_in=listed("as in, for, like, as for"),
    letters={
        "bee": "b",
        "cee": "c",
        "see": "c",
        "sea": "c",
        "dee": "d",
        "gee": "g",
        "jay": "j",
        "kay": "k",
        "el": "l",
        "ell": "l",
        "em": "m",
        "en": "n",
        "pee": "p",
        "cue": "q",
        "queue": "q",
        "ar": "r",
        "ess": "s",
        "tee": "t",
        "tea": "t",
        "vee": "v",
        "ex": "x",
        "why": "y",
        "zed": "z",
        "zee": "z",
        "aitch": "h",
    },
)
