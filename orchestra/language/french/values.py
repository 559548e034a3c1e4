"""Values as they are said in French."""

from typing import Final

from orchestra.language.values.below_hundred import below_hundred
from orchestra.language.values.port import CapturePhrases, ValueWords, listed, numbered

VALUES: Final = ValueWords(
    code="fr",
    phrases=CapturePhrases(
        questions={
            "number": "Quel est le nombre ?",
            "digits": "Quel est le numéro, chiffre par chiffre ?",
            "name": "Quel est votre nom ?",
            "email": "Quelle est votre adresse e-mail ?",
            "phone": "Quel est votre numéro de téléphone ?",
            "date": "Quelle est la date ?",
            "address": "Quelle est votre adresse, avec le code postal ?",
            "yesno": "Oui ou non ?",
            "choice": "Que préférez-vous : {value} ?",
            "card": "Quel est le numéro de votre carte ?",
            "card_expiry": "Et quelle est sa date d'expiration, mois et année ?",
            "card_cvc": "Et le code de sécurité de la carte ?",
        },
        right="{value}. C'est bien ça ?",
        ending="La carte qui se termine par {value}",
        again="Excusez-moi, je n'ai pas compris. {question}",
        wrong="Excusez-moi. {question}",
        invalid="Cela ne semble pas correct. {question}",
        go_on="{value}. Continuez, s'il vous plaît.",
        spell="Pouvez-vous l'épeler, lettre par lettre ?",
        keys="Tapez-le sur les touches de votre téléphone, puis appuyez sur dièse.",
        or_="ou",
    ),
    numbers=below_hundred("fr", ("et",))
    | {
        "une": 1,
        "quatre vingt": 80,
        "septante": 70,
        "huitante": 80,
        "octante": 80,
        "nonante": 90,
        **{
            f"{tens} {unit}": number + at
            for tens, number in (("septante", 70), ("huitante", 80), ("nonante", 90))
            for at, unit in enumerate(("un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf"), 1)
        },
    },
    hundreds={"cent": 100, "cents": 100},
    thousands=frozenset({"mille"}),
    millions=frozenset({"million", "millions"}),
    joins=frozenset({"et"}),
    times={"double": 2, "deux fois": 2, "triple": 3, "trois fois": 3},
    point=frozenset({"virgule"}),
    minus=frozenset({"moins"}),
    half=frozenset({"et demi", "et demie"}),
    yes=listed("""
    oui, ouais, exact, exactement, c est ca, c est bien ca, tout a fait, d accord, bien sur, parfait, correct, ok, okay,
    voila, absolument, c est correct, c est bon, volontiers, allez y
    """),
    no=listed("""
    non, pas du tout, pas correct, ce n est pas, c est pas, c est faux, faux, pas exactement, jamais, plutot pas,
    pas vraiment
    """),
    but=frozenset({"mais", "sauf"}),
    idioms=listed("un moment, un instant, une seconde, une minute, une question, au moins, du moins"),
    unwilling=listed("""
    je ne sais pas, je sais pas, je n ai pas, j ai pas, j en ai pas, aucune idee, je ne veux pas, je veux pas,
    j ai oublie, je prefere ne pas, pourquoi, une personne, un conseiller, un humain, laissez tomber, annuler
    """),
    negations=frozenset({"pas", "et non"}),
    excepts=listed("sauf, excepte, hormis, a part, en dehors de, a l exception de, autre que"),
    first=frozenset({"premier", "premiere", "premiers", "premieres", "debut", "commence"}),
    last=frozenset({"dernier", "derniere", "derniers", "dernieres", "fin", "termine", "finit"}),
    ordinals=numbered("""
    premier/premiere, deuxieme/second/seconde, troisieme, quatrieme, cinquieme, sixieme, septieme, huitieme, neuvieme,
    dixieme
    """),
    months=numbered("""
    janvier, fevrier, mars, avril, mai, juin, juillet, aout, septembre, octobre, novembre, decembre
    """),
    weekdays=numbered("lundi, mardi, mercredi, jeudi, vendredi, samedi, dimanche", 0),
    days={"aujourd hui": 0, "demain": 1, "apres demain": 2, "hier": -1, "avant hier": -2},
    within=frozenset({"dans", "d ici"}),
    units={"jour": 1, "jours": 1, "semaine": 7, "semaines": 7, "mois": 30},
    next=frozenset({"prochain", "prochaine"}),
    at=("arobase", "arobas", "at"),
    signs={
        "point": ".",
        "tiret bas": "_",
        "underscore": "_",
        "souligne": "_",
        "tiret du six": "-",
        "tiret": "-",
        "trait d union": "-",
        "plus": "+",
    },
    introduces=listed("""
    est, c est, sont, je m appelle, je suis, s appelle, nom de, habite au, habite a, habite, ce serait, mail
    """),
    fillers=listed("""
    euh, alors, oui, non, s, il, vous, plait, mon, ma, le, la, nom, prenom, merci, bonjour, tout, attache, minuscules,
    en, donc, voila, pardon, adresse
    """),
    with_=frozenset({"avec"}),
    without=frozenset({"sans"}),
    as_in=listed("comme, comme dans"),
    letters={"elle": "l", "aime": "m", "haine": "n", "erre": "r", "esse": "s", "ixe": "x", "i grec": "y", "zede": "z"},
)
