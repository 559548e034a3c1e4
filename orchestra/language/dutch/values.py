"""Values as they are said in Dutch."""

from typing import Final

from orchestra.language.values.below_hundred import below_hundred
from orchestra.language.values.port import CapturePhrases, ValueWords, listed, numbered

VALUES: Final = ValueWords(
    code="nl",
    phrases=CapturePhrases(
        questions={
            "number": "Welk getal is het?",
            "digits": "Welk nummer is het, cijfer voor cijfer?",
            "name": "Wat is uw naam?",
            "email": "Wat is uw e-mailadres?",
            "phone": "Wat is uw telefoonnummer?",
            "date": "Welke datum is het?",
            "address": "Wat is uw adres, met de postcode?",
            "yesno": "Ja of nee?",
            "choice": "Wat wilt u: {value}?",
            "card": "Wat is het nummer van uw kaart?",
            "card_expiry": "En tot wanneer is hij geldig, maand en jaar?",
            "card_cvc": "En de beveiligingscode van de kaart?",
        },
        right="{value}. Klopt dat?",
        ending="De kaart die eindigt op {value}",
        again="Sorry, dat heb ik niet verstaan. {question}",
        wrong="Excuses. {question}",
        invalid="Dat lijkt niet te kloppen. {question}",
        go_on="{value}. Gaat u verder.",
        spell="Kunt u het spellen, letter voor letter?",
        keys="Toets het in op uw telefoon en sluit af met een hekje.",
        or_="of",
    ),
    numbers=below_hundred("nl"),
    hundreds={"honderd": 100},
    thousands=frozenset({"duizend"}),
    millions=frozenset({"miljoen"}),
    compounds=True,
    joins=frozenset({"en"}),
    times={"dubbel": 2, "dubbele": 2, "driedubbel": 3},
    point=frozenset({"komma"}),
    minus=frozenset({"min"}),
    half=frozenset({"en een half", "en een halve"}),
    yes=listed("""
    ja, jawel, klopt, dat klopt, juist, correct, precies, prima, goed, oke, ok, okay, zeker, inderdaad, natuurlijk,
    akkoord, graag, jazeker
    """),
    no=listed("""
    nee, neen, fout, niet goed, klopt niet, dat klopt niet, niet juist, verkeerd, nooit, liever niet, niet helemaal,
    niet correct
    """),
    but=frozenset({"maar", "behalve"}),
    idioms=listed("een moment, een momentje, een seconde, een vraag, een ogenblik, een minuut, heb er een"),
    unwilling=listed("""
    weet ik niet, weet het niet, heb ik niet, heb geen, geen idee, wil ik niet, zeg ik niet, vergeten, waarom,
    een medewerker, een mens, een persoon, laat maar, annuleren, liever niet zeggen
    """),
    negations=frozenset({"niet", "geen"}),
    excepts=listed("behalve, uitgezonderd, met uitzondering van, afgezien van, anders dan"),
    first=frozenset({"eerste", "begin", "begint"}),
    last=frozenset({"laatste", "eind", "einde", "eindigt"}),
    ordinals=numbered("""
    eerste, tweede, derde, vierde, vijfde, zesde, zevende, achtste, negende, tiende, elfde, twaalfde, dertiende,
    veertiende, vijftiende, zestiende, zeventiende, achttiende, negentiende, twintigste, eenentwintigste,
    tweeentwintigste, drieentwintigste, vierentwintigste, vijfentwintigste, zesentwintigste, zevenentwintigste,
    achtentwintigste, negenentwintigste, dertigste, eenendertigste
    """),
    months=numbered("""
    januari, februari, maart, april, mei, juni, juli, augustus, september, oktober, november, december
    """),
    weekdays=numbered("maandag, dinsdag, woensdag, donderdag, vrijdag, zaterdag, zondag", 0),
    days={"vandaag": 0, "morgen": 1, "overmorgen": 2, "gisteren": -1, "eergisteren": -2},
    within=frozenset({"over"}),
    units={"dag": 1, "dagen": 1, "week": 7, "weken": 7, "maand": 30, "maanden": 30},
    next=frozenset({"volgende", "komende"}),
    at=("apenstaartje", "at", "aapje"),
    signs={
        "punt": ".",
        "underscore": "_",
        "laag streepje": "_",
        "liggend streepje": "_",
        "streepje": "-",
        "koppelteken": "-",
        "plus": "+",
    },
    introduces=listed("is, zijn, heet, ik ben, naam is, woon op, woon in, woon, mail, op naam van"),
    fillers=listed("""
    eh, uh, nou, ja, nee, alstublieft, graag, mijn, de, het, naam, voornaam, achternaam, dank, u, alles, aan, elkaar,
    kleine, letters, met, sorry, hallo, en, dus
    """),
    with_=frozenset({"met"}),
    without=frozenset({"zonder"}),
    as_in=listed("van, als in, zoals"),
    letters={"ypsilon": "y", "griekse y": "y", "lange ij": "y"},
)
