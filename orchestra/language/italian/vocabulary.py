"""The words of Italian."""

from typing import Final

from orchestra.language.call_screening import ScreeningPatterns
from orchestra.language.italian.utterances import UTTERANCE_WORDS
from orchestra.language.plain_text import SignNames
from orchestra.language.port import Phrases
from orchestra.language.sentence_splitter import SentenceEnds
from orchestra.language.vocabulary import Vocabulary

VOCABULARY: Final = Vocabulary(
    code="it",
    name="Italian",
    phrases=Phrases(
        apology="Mi scusi, c'è stato un problema da parte mia. Può ripetere, per favore?",
        holding="Un attimo, per favore.",
        bridges=("Un attimo.", "Vediamo.", "Un momento.", "Va bene, un attimo."),
        still_there="È ancora in linea?",
        transfer_failed=(
            "Mi dispiace, al momento nessuno può rispondere alla sua chiamata. Posso aiutarla in qualche altro modo?"
        ),
        handed_back="È di nuovo in linea con il nostro assistente. Posso aiutarla in qualche altro modo?",
        not_recorded="Va bene, questa chiamata non viene registrata.",
        farewell="Grazie per aver chiamato. Arrivederci.",
        transferring="Le passo subito un operatore.",
        passing_on="La metto subito in contatto.",
        incoming_transfer="Una chiamata da {app}. {briefing}",
        line_is_closed="La linea è chiusa.",
        not_understood="Non si è capita la risposta di chi chiama alla domanda: {question}",
        accept_transfer="Prema {key} per rispondere.",
        unknown_line="Il numero da lei chiamato non è attivo. Arrivederci.",
        closed="Al momento siamo chiusi. La preghiamo di richiamare durante gli orari di apertura. Arrivederci.",
        confirmation="Solo per conferma: {what}{details}. Procedo?",
    ),
    signs=SignNames(star="stella", stars="stelle", times="per", key="asterisco"),
    tool_examples={
        "end_call": ("arrivederci", "buona giornata", "è tutto, grazie", "nient'altro, grazie", "può chiudere"),
        "transfer_call": (
            "un operatore, per favore",
            "vorrei parlare con una persona",
            "posso parlare con qualcuno",
            "mi passi un operatore",
        ),
    },
    yes="""
    sì, certo, certo che sì, certamente, esatto, esattamente, corretto, giusto, d'accordo,
    proprio così, è così, assolutamente, assolutamente sì, sicuro, sicuramente, naturalmente, ovviamente, confermo, lo
    confermo, proceda, procedi, vada, senz'altro, volentieri, nessun problema, non c'è problema, non c'è nessun
    problema, senza problemi, eccome
    """,
    may_say_yes="""
    si, ok, okay, va bene, va benissimo, bene, benissimo, molto bene, perfetto, ottimo, lo faccia, faccia pure, pure,
    per favore, per piacere, prego, mi va bene, per me va bene, va bene così, perché no, può andare, bello, a posto
    """,
    no="""
    no, non, nessuno, mai, nemmeno, neanche, aspetti, aspetta, un attimo, un momento, fermo, si fermi, stop, annulli,
    annullare, invece, piuttosto, ma, però, in realtà, veramente, altro, altra, altri, altre, cambiare, cambi,
    sbagliato, errato, scorretto, forse, magari no, non so, non lo so, assolutamente no, certo che no, per niente
    """,
    beside_yes="""
    ah, a, allora, beh, che, così, di, e, è, eh, fare, fai, faccia, farlo, grazie, grazie mille, molte grazie, il, io,
    la, le, lo, lei, me, mi, molto, per, può, puoi, questo, quello, questa, signore, signora, signorina, se, tutto,
    un, una, vorrei, voglio, gentile, già, piace, sembra, mi sembra, gentilmente, adesso, ora, anche, poi
    """,
    backchannels="""
    sì, si, sì sì, certo, certo certo, esatto, giusto, ok, okay, va bene, bene, benissimo, d'accordo, capisco, ho
    capito, capito, ah ecco, ecco, già, eh già, eh sì, ah sì, perfetto, ottimo, bello, vero, è vero, infatti, appunto,
    chiaro, è chiaro, certamente, naturalmente, ovviamente, assolutamente, proprio così, ah ho capito, lo so,
    interessante, fantastico, ah beh, beh, va be, vabbè, uhm, a posto
    """,
    fragments="e, o, il, la, i, le, di, a, in, un, una, che",
    pardons="eh, cosa, come, prego",
    stop_words="""
    a ad al alla allo ai agli alle all anche ancora avere aveva avete avrei abbia abbiamo ho hai ha hanno allora altra
    altre altri altro bene buona buongiorno buonasera buono c che chi ci ciò cioè come con cosa così cui d da dal
    dalla dallo dai dagli dalle dall degli dei del della delle dello dell di dire dove due dunque e è ecco ed era
    erano essere fa faccia fai fare fatto favore fra già giorno gli grazie i il in io l la le lei li lo loro ma me
    meno mi mia mie miei mio molta molto ne nei nel nella nelle nello negli nell niente no noi non nostra nostri
    nostro o ogni oggi okay ok ora per perché però piacere più po poco poi posso potete potrebbe potrei prego prima
    pronto può puoi pure qua quale quali qualche qualcosa qualcuno quando quanto quanta quanti quel quella quelle
    quelli quello questa queste questi questo qui salve sapere scusi se sei sempre senza si sì sia siamo siete so solo
    sono sta stata stato stati su sua sue suo suoi sul sulla sullo sui sugli sulle sull tra tu tua tue tuo tuoi tutta
    tutte tutti tutto tu un una uno un va vi voglio voi vorrei vuole vostra vostro dov com cos
    """,
    vague="""
    notte mattina sera pomeriggio fine settimana oggi ieri domani settimana mese anno giorno ora minuto tempo ultimo
    prossimo primo ordine numero venire nuovo vecchio grande piccolo modo
    """,
    polite="""
    pronto, salve, buongiorno, buonasera, ciao, per favore, per piacere, per cortesia, grazie, grazie mille, allora,
    beh, ecco, ehm, eh, oh, ah, sì, va bene, ok, e, senta, scusi, mi scusi, ora, adesso, dunque
    """,
    flags=("sì", "no"),
    conjunction="e",
    greetings="pronto sì si buongiorno buonasera salve ciao chi parla è sono io dica mi",
    screening=ScreeningPatterns(
        takes_message=(
            r"\b(?:lasci\w*|registr\w*) (?:\w+ )?(?:un|il|suo|tuo) (?:\w+ )?messaggio|\bdopo il (?:segnale|bip|tono)"
            r"|\bsegreteria telefonica"
            r"|\bcasella vocale"
        ),
        asks=(
            r"\b(?:registr\w*|dica|dici|indic\w*|pronunc\w*) (?:il )?(?:suo |tuo )?nome\b.{0,40}\b(?:motivo|perché"
            r"|ragione)"
            r"|\bfiltr\w+ (?:delle |le )?chiamate|\bse (?:questa|la) persona è disponibile|\bla persona che (?:sta"
            r"|stai) chiamando"
            r"|\bprima di (?:metter|passar|collegar)(?:la|ti)\b"
        ),
        asks_on=(
            r"\bè urgente|\bchi (?:parla|è|chiama)|\bdi cosa si tratta|\bper quale motivo|\b(?:suo|tuo) nome\b"
            r"|\bnon ho (?:capito|sentito)|\b(?:ripeta|ripetere|può ripetere)\b"
        ),
        declines=(
            r"\bnon (?:\w+ )?(?:è |sono )?(?:disponibile|raggiungibile)|\bnon (?:posso|può) (?:\w+ )?(?:parlare"
            r"|rispondere)"
            r"|\bnon (?:mi |sono )?interess\w+|\b(?:rimuova|cancelli|tolga) (?:questo|il mio|il) numero"
            r"|\bnon (?:mi )?chiam\w+ più"
            r"|\b(?:la|ti) richiam(?:o|erò|eremo)|\brichiami (?:più tardi|dopo)|\bmandi un messaggio|\barrivederci\b"
        ),
        waits=(
            r"\bresti in (?:linea|attesa)|\b(?:attenda|aspetti)\b|\bun (?:attimo|momento|secondo)\b|\bnon riattacchi"
            r"|\b(?:la|ti) (?:passo|collego|metto in contatto)\b|\b(?:vedo|controllo|chiedo) se|^grazie(?: mille)?$"
        ),
    ),
    sentence_ends=SentenceEnds(
        """
        sig, sig.ra, sig.na, sigg, dott, dott.ssa, dr, dr.ssa, prof, prof.ssa, ing, avv, arch, geom, rag, on, n, nr,
        num, tel, cell, es, p.es, p. es, pag, pagg, art, cap, ca, p.za, p.zza, v.le, c.so, fig, vol, gent, gent.mo,
        spett, egr, int, ind, sc, s, st, min, max, rif, ore, gg
        """,
        may_end="h, ecc, etc, s.p.a, s.r.l, a.m, p.m, d.c, a.c",
        after_day=r"(?:gennaio|febbraio|marzo|aprile|maggio|giugno|luglio|agosto|settembre|ottobre|novembre|dicembre)\b",
    ),
    utterance=UTTERANCE_WORDS,
)
