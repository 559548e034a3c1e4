"""Values as they are said in Italian."""

from typing import Final

from orchestra.language.values.below_hundred import below_hundred
from orchestra.language.values.port import CapturePhrases, ValueWords, listed, numbered

VALUES: Final = ValueWords(
    code="it",
    phrases=CapturePhrases(
        questions={
            "number": "Qual è il numero?",
            "digits": "Qual è il numero, cifra per cifra?",
            "name": "Come si chiama?",
            "email": "Qual è il suo indirizzo e-mail?",
            "phone": "Qual è il suo numero di telefono?",
            "date": "Qual è la data?",
            "address": "Qual è il suo indirizzo, con il codice postale?",
            "yesno": "Sì o no?",
            "choice": "Che cosa preferisce: {value}?",
            "card": "Qual è il numero della sua carta?",
            "card_expiry": "E fino a quando è valida, mese e anno?",
            "card_cvc": "E il codice di sicurezza della carta?",
        },
        right="{value}. È giusto?",
        ending="La carta che finisce con {value}",
        again="Mi scusi, non ho capito. {question}",
        wrong="Mi scusi. {question}",
        invalid="Non sembra corretto. {question}",
        go_on="{value}. Continui, per favore.",
        spell="Me lo può dire lettera per lettera?",
        keys="Lo digiti sulla tastiera del telefono e prema cancelletto alla fine.",
        or_="o",
    ),
    numbers=below_hundred("it") | {"un": 1, "una": 1, "ventitre": 23, "trentatre": 33},
    hundreds={"cento": 100},
    thousands=frozenset({"mille", "mila"}),
    millions=frozenset({"milione", "milioni"}),
    compounds=True,
    joins=frozenset({"e"}),
    times={"doppio": 2, "doppia": 2, "triplo": 3},
    point=frozenset({"virgola"}),
    minus=frozenset({"meno"}),
    half=frozenset({"e mezzo", "e mezza"}),
    yes=listed("""
    si, certo, esatto, giusto, corretto, va bene, d accordo, perfetto, ok, okay, certamente, e giusto, e corretto,
    naturalmente, proprio cosi, volentieri
    """),
    no=listed("no, sbagliato, non e, non e giusto, non e corretto, mai, per niente, meglio di no, non proprio"),
    but=frozenset({"ma", "pero", "tranne"}),
    idioms=listed("un momento, un attimo, un secondo, una domanda, un minuto, per lo meno, quanto meno"),
    unwilling=listed("""
    non lo so, non so, non ce l ho, non ho, non ricordo, non voglio, preferisco di no, preferisco non, perche, nessuna
    idea, una persona, un operatore, lasci perdere, annulla, non me lo ricordo
    """),
    negations=frozenset({"non"}),
    excepts=listed("tranne, eccetto, fuorche, salvo, meno, a parte, ad eccezione di"),
    first=frozenset({"primo", "prima", "primi", "prime", "inizio", "inizia"}),
    last=frozenset({"ultimo", "ultima", "ultimi", "ultime", "fine", "finisce", "finale"}),
    ordinals=numbered("""
    primo/prima, secondo/seconda, terzo/terza, quarto/quarta, quinto/quinta, sesto/sesta, settimo/settima,
    ottavo/ottava, nono/nona, decimo/decima
    """),
    months=numbered("""
    gennaio, febbraio, marzo, aprile, maggio, giugno, luglio, agosto, settembre, ottobre, novembre, dicembre
    """),
    weekdays=numbered("lunedi, martedi, mercoledi, giovedi, venerdi, sabato, domenica", 0),
    days={"oggi": 0, "domani": 1, "dopodomani": 2, "dopo domani": 2, "ieri": -1, "l altro ieri": -2},
    within=frozenset({"tra", "fra"}),
    units={"giorno": 1, "giorni": 1, "settimana": 7, "settimane": 7, "mese": 30, "mesi": 30},
    next=frozenset({"prossimo", "prossima"}),
    at=("chiocciola", "at"),
    signs={"punto": ".", "trattino basso": "_", "underscore": "_", "trattino": "-", "piu": "+"},
    introduces=listed("e, sono, mi chiamo, si chiama, abito in, abito a, sarebbe, mail, nome di"),
    fillers=listed("""
    ehm, allora, si, no, per, favore, mio, mia, il, la, nome, cognome, grazie, tutto, attaccato, minuscolo, scusi,
    buongiorno, dunque
    """),
    with_=frozenset({"con"}),
    without=frozenset({"senza"}),
    as_in=listed("come, di"),
    letters={
        "bi": "b",
        "ci": "c",
        "di": "d",
        "effe": "f",
        "gi": "g",
        "acca": "h",
        "elle": "l",
        "emme": "m",
        "enne": "n",
        "pi": "p",
        "cu": "q",
        "erre": "r",
        "esse": "s",
        "ti": "t",
        "vu": "v",
        "ics": "x",
        "zeta": "z",
    },
)
