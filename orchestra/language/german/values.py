"""Values as they are said in German."""

from typing import Final

from orchestra.language.values.below_hundred import below_hundred
from orchestra.language.values.port import CapturePhrases, ValueWords, listed, numbered

_ORDINALS: Final = """
erste, zweite, dritte, vierte, funfte, sechste, siebte/siebente, achte, neunte, zehnte, elfte, zwolfte, dreizehnte,
vierzehnte, funfzehnte, sechzehnte, siebzehnte, achtzehnte, neunzehnte, zwanzigste, einundzwanzigste,
zweiundzwanzigste, dreiundzwanzigste, vierundzwanzigste, funfundzwanzigste, sechsundzwanzigste, siebenundzwanzigste,
achtundzwanzigste, neunundzwanzigste, dreissigste, einunddreissigste
"""

_NUMBERS: Final = below_hundred("de")

VALUES: Final = ValueWords(
    code="de",
    phrases=CapturePhrases(
        questions={
            "number": "Welche Zahl ist es?",
            "digits": "Welche Nummer ist es, Ziffer für Ziffer?",
            "name": "Wie ist Ihr Name?",
            "email": "Wie lautet Ihre E-Mail-Adresse?",
            "phone": "Wie lautet Ihre Telefonnummer?",
            "date": "Welches Datum ist es?",
            "address": "Wie lautet Ihre Adresse, mit Postleitzahl?",
            "yesno": "Ja oder nein?",
            "choice": "Was möchten Sie: {value}?",
            "card": "Wie lautet die Nummer Ihrer Karte?",
            "card_expiry": "Und bis wann ist sie gültig, Monat und Jahr?",
            "card_cvc": "Und die Prüfziffer der Karte?",
        },
        right="{value}. Ist das richtig?",
        ending="Die Karte, die auf {value} endet",
        again="Entschuldigung, das habe ich nicht verstanden. {question}",
        wrong="Entschuldigung. {question}",
        invalid="Das scheint nicht zu stimmen. {question}",
        go_on="{value}. Bitte weiter.",
        spell="Können Sie das bitte buchstabieren?",
        keys="Bitte geben Sie es auf den Tasten Ihres Telefons ein, und drücken Sie am Ende die Rautetaste.",
        or_="oder",
    ),
    numbers=_NUMBERS
    | {word.replace("zwei", "zwo"): value for word, value in _NUMBERS.items() if word.startswith("zweiund")}
    | {"zwo": 2, "ein": 1, "eine": 1, "einen": 1, "einer": 1},
    hundreds={"hundert": 100},
    thousands=frozenset({"tausend"}),
    millions=frozenset({"million", "millionen"}),
    compounds=True,
    joins=frozenset({"und"}),
    times={"doppel": 2, "doppelt": 2, "zweimal": 2, "dreimal": 3, "dreifach": 3},
    point=frozenset({"komma"}),
    minus=frozenset({"minus"}),
    half=frozenset({"einhalb", "und ein halb"}),
    yes=listed("""
    ja, jawohl, jo, genau, richtig, stimmt, korrekt, klar, sicher, gerne, gern, okay, ok, in ordnung, passt, naturlich,
    das stimmt, selbstverstandlich, einverstanden, mhm, auf jeden fall
    """),
    no=listed("""
    nein, nee, ne, falsch, nicht richtig, stimmt nicht, das stimmt nicht, nicht ganz, auf keinen fall, lieber nicht,
    auf gar keinen fall, eher nicht, niemals, ist nicht richtig, passt nicht, nicht korrekt
    """),
    but=frozenset({"aber", "sondern", "ausser"}),
    idioms=listed("einen moment, ein moment, eine sekunde, einen augenblick, ein problem, eine frage, ich habe eine"),
    unwilling=listed("""
    weiss ich nicht, weiss nicht, weiss es nicht, habe ich nicht, habe keine, habe kein, keine ahnung, mochte ich nicht,
    will ich nicht, sage ich nicht, vergessen, einen menschen, einen mitarbeiter, eine person, wozu brauchen sie,
    warum brauchen sie, abbrechen, egal, nicht sagen
    """),
    negations=frozenset({"nicht", "statt"}),
    excepts=listed("ausser, ausgenommen, bis auf, abgesehen von, nur nicht, bloss nicht, blos nicht"),
    first=frozenset({"erste", "ersten", "erster", "anfang", "vorne"}),
    last=frozenset({"letzte", "letzten", "letzter", "ende", "hinten", "endet"}),
    ordinals={
        word + ending: number
        for words, number in numbered(_ORDINALS.replace("/", ",").replace("siebente,", "")).items()
        for word in (words,)
        for ending in ("", "n", "r", "s")
    },
    months=numbered("""
    januar/janner, februar/feber, marz, april, mai, juni/juno, juli, august, september, oktober, november, dezember
    """),
    weekdays=numbered("montag, dienstag, mittwoch, donnerstag, freitag, samstag/sonnabend, sonntag", 0),
    days={"heute": 0, "morgen": 1, "ubermorgen": 2, "gestern": -1, "vorgestern": -2},
    within=frozenset({"in"}),
    units={"tag": 1, "tagen": 1, "tage": 1, "woche": 7, "wochen": 7, "monat": 30, "monaten": 30},
    next=frozenset({"nachste", "nachsten", "kommenden"}),
    at=("at", "klammeraffe", "et"),
    signs={"punkt": ".", "unterstrich": "_", "bindestrich": "-", "minus": "-", "strich": "-", "plus": "+"},
    introduces=listed("ist, sind, heisse, ich bin, lautet, name, war, wohne in, wohne, adresse, mail, auf den namen"),
    fillers=listed("""
    ah, ahm, hm, also, ja, nein, bitte, danke, mein, meine, der, die, das, name, vorname, nachname, gross, klein,
    alles, zusammen, mit, sorry, entschuldigung, hier, guten, tag, moment, und, so, nicht, falsch, richtig
    """),
    with_=frozenset({"mit"}),
    without=frozenset({"ohne"}),
    as_in=listed("wie, wie in"),
    letters={
        "anton": "a",
        "berta": "b",
        "casar": "c",
        "dora": "d",
        "emil": "e",
        "friedrich": "f",
        "gustav": "g",
        "heinrich": "h",
        "ida": "i",
        "julius": "j",
        "kaufmann": "k",
        "ludwig": "l",
        "martha": "m",
        "nordpol": "n",
        "otto": "o",
        "paula": "p",
        "quelle": "q",
        "richard": "r",
        "samuel": "s",
        "theodor": "t",
        "ulrich": "u",
        "viktor": "v",
        "wilhelm": "w",
        "xanthippe": "x",
        "ypsilon": "y",
        "zacharias": "z",
    },
)
