"""The words of Dutch."""

from typing import Final

from orchestra.language.call_screening import ScreeningPatterns
from orchestra.language.dutch.utterances import UTTERANCE_WORDS
from orchestra.language.plain_text import SignNames
from orchestra.language.port import Phrases
from orchestra.language.sentence_splitter import SentenceEnds
from orchestra.language.vocabulary import Vocabulary

VOCABULARY: Final = Vocabulary(
    code="nl",
    name="Dutch",
    phrases=Phrases(
        apology="Excuses, er ging bij mij iets mis. Kunt u dat nog een keer zeggen?",
        holding="Een ogenblik, alstublieft.",
        bridges=("Een ogenblik.", "Ik kijk even.", "Eén seconde.", "Goed, een ogenblik."),
        still_there="Bent u er nog?",
        transfer_failed=(
            "Het spijt me, op dit moment kan niemand uw gesprek aannemen. Kan ik u nog ergens anders mee helpen?"
        ),
        handed_back="U spreekt weer met onze assistent. Kan ik u nog ergens anders mee helpen?",
        not_recorded="Goed, dit gesprek wordt niet opgenomen.",
        farewell="Bedankt voor uw telefoontje. Tot ziens.",
        transferring="Ik verbind u nu door met een medewerker.",
        passing_on="Ik verbind u nu door.",
        incoming_transfer="Een gesprek van {app}. {briefing}",
        line_is_closed="De lijn is gesloten.",
        not_understood="De beller is niet verstaan bij de vraag: {question}",
        accept_transfer="Toets {key} om het aan te nemen.",
        unknown_line="Dit nummer is niet in gebruik. Tot ziens.",
        closed="Wij zijn op dit moment gesloten. Belt u alstublieft terug tijdens onze openingstijden. Tot ziens.",
        confirmation="Even voor de zekerheid: {what}{details}. Zal ik dat doen?",
    ),
    signs=SignNames(star="ster", stars="sterren", times="keer", key="sterretje"),
    tool_examples={
        "end_call": ("tot ziens", "dag hoor", "dat was alles, bedankt", "nee dank u, dat was het", "u kunt ophangen"),
        "transfer_call": (
            "een medewerker alstublieft",
            "ik wil graag iemand spreken",
            "kan ik een mens spreken",
            "kunt u mij doorverbinden",
        ),
    },
    yes="""
    ja, jawel, ja hoor, jazeker, zeker, zeker weten, natuurlijk, uiteraard, klopt, dat klopt, klopt helemaal, precies,
    exact, inderdaad, juist, dat is juist, correct, akkoord, ga akkoord, graag, heel graag, ja graag, doe maar, doet u
    maar, absoluut, absoluut, vanzelfsprekend, in orde, dat is in orde, is in orde, geen probleem, dat is geen
    probleem, bevestig, tuurlijk, eens, mee eens, yep, jep
    """,
    may_say_yes="""
    oké, oke, ok, okay, goed, is goed, dat is goed, heel goed, prima, dat is prima, fijn, perfect, mooi, uitstekend,
    best, alstublieft, alsjeblieft, helemaal goed, komt goed, top, super, wat mij betreft, waarom niet, ga uw gang, ga
    je gang, klinkt goed, lijkt me goed, lijkt mij goed, past
    """,
    no="""
    nee, neen, nee hoor, niet, geen, nooit, wacht, wacht even, momentje, stop, stopt u, annuleer, annuleren, liever,
    maar toch, eigenlijk, anders, andere, ander, wijzigen, veranderen, fout, onjuist, verkeerd, misschien, weet niet,
    zeker niet, nog niet, in plaats, echter, absoluut niet, natuurlijk niet, laat maar, maar niet, maar ik, maar dan,
    maar wel, maar kan
    """,
    beside_yes="""
    ach, ah, dan, dank je, dank je wel, dank u, dank u wel, bedankt, hartelijk dank, dat, de, die, dit, dus, en, er,
    even, ga, heel, het, 't, hoor, ik, is, je, maar, me, meneer, mevrouw, mij, mag, nou, nu, ook, om, op, tot, u, uw,
    van, vriendelijk, wel, wil, wilt, zo, zou, doen, doe, zijn, kunt, helemaal, voor, allemaal, alles, lijkt, eh, uh
    """,
    backchannels="""
    ja, ja ja, jaja, ja hoor, oké, oke, okay, goed, is goed, prima, klopt, dat klopt, precies, exact, inderdaad,
    juist, zeker, natuurlijk, tuurlijk, uiteraard, begrijp ik, ik begrijp het, begrepen, ik snap het, snap ik, snap
    het, ik weet het, duidelijk, helder, ja precies, o ja, oh ja, ah ja, aha, ach zo, mooi, fijn, super, top, leuk,
    perfect, dat is waar, is waar, waar, akkoord, in orde, nou, nou ja, zo, juist ja, goed zo, heel goed, geweldig,
    logisch, dat snap ik, dat begrijp ik
    """,
    fragments="en, de, het, een, van, in, op, te",
    pardons="hè, wat, uh, sorry",
    no_sounds="er, hem, om, u",
    stop_words="""
    aan al alle alleen alles als alstublieft alsjeblieft altijd ander andere ben bent bedankt bij bijna daar dag dan
    dank dat de den deze die dit doe doen doet door dus een één eens eigenlijk elk elke en er ergens even ga gaat gaan
    geen goed goede goedemorgen goedemiddag goedenavond graag haar had hadden hallo heb hebben hebt heeft heel hem hen
    het hier hij hoe hoi hun iemand iets ik in is ja je jij jou jouw jullie kan kon konden kunt kunnen laat maar me
    mee meer meneer met mevrouw mij mijn mijne moet moeten mag mogen na naar nee niet niets nog nou nu of om ons onze
    ook oké op over s sinds te tegen toch toe tot u uit uw van veel voor waar waarom wanneer want waren was wat we
    weet wel welk welke werd wie wij wil wilde willen wilt word worden wordt zal ze zeer zelf zeg zich zien zij zijn
    zo zonder zou zouden zullen 't zo'n
    """,
    vague="""
    nacht ochtend morgen avond middag weekend vandaag gisteren week maand jaar dag uur minuut tijd laatste volgende
    eerste bestelling nummer komen nieuw oud groot klein manier
    """,
    polite="""
    hallo, hoi, goedemorgen, goedemiddag, goedenavond, goeiemorgen, goeiemiddag, goeienavond, goedendag, dag,
    alstublieft, alsjeblieft, dank u, dank u wel, dank je wel, bedankt, nou, dus, eh, uh, oh, ja, oké, goed, en, nu,
    sorry, pardon
    """,
    flags=("ja", "nee"),
    conjunction="en",
    greetings="""
    hallo ja goedemorgen goedemiddag goedenavond goeiemorgen goeiemiddag goeienavond goedendag dag met hoi spreekt u
    wie daar zegt het maar
    """,
    screening=ScreeningPatterns(
        takes_message=(
            r"\b(?:laat|spreek)\b.{0,30}\b(?:bericht|boodschap)\b|\bbericht (?:in|achter)|\bna de (?:piep|toon"
            r"|pieptoon)\b|\bvoicemail\b"
            r"|\bantwoordapparaat"
        ),
        asks=(
            r"\b(?:noem|zeg|zegt|spreek|vermeld) (?:u )?(?:uw|je) naam\b.{0,40}\b(?:reden|waarom|waarvoor)"
            r"|\bnaam\b.{0,30}\breden\b.{0,30}\b(?:opneemt|inspreekt|noemt)|\boproep(?:en)? (?:wordt"
            r"|worden) gefilterd|\bgesprekken (?:worden )?gefilterd"
            r"|\bof (?:deze|die) persoon beschikbaar is|\bde persoon die (?:u|je) (?:belt|probeert)|\bvoordat ik (?:u"
            r"|je) doorverbind"
        ),
        asks_on=(
            r"\bis het dringend|\bis het spoed|\b(?:met )?wie (?:spreek ik|is dit|bent u)|\bwaar gaat het over"
            r"|\bwaarover gaat|\b(?:uw|je) naam\b"
            r"|\bniet (?:goed )?(?:verstaan|begrepen|gehoord)|\bherhalen\b"
        ),
        declines=(
            r"\bniet (?:\w+ )?(?:beschikbaar|bereikbaar)|\bkan (?:\w+ ){0,4}niet (?:\w+ )?(?:praten|opnemen|aannemen"
            r"|spreken|te woord)"
            r"|\bgeen interesse|\bniet geïnteresseerd|\b(?:verwijder|haal) (?:dit|mijn|het) nummer"
            r"|\bbel (?:\w+ )?niet meer"
            r"|\bbel (?:u |je )?(?:\w+ )?terug|\bbelt? (?:u )?later|\bstuur (?:me |mij )?een bericht|\btot ziens\b"
        ),
        waits=(
            r"\bblijf(?:t)? (?:u )?(?:\w+ )?(?:aan de lijn|hangen)|\bwacht\b|\been (?:moment|momentje|ogenblik)\b"
            r"|\bverbind (?:u|je) door|\bik (?:kijk|vraag|zal) (?:\w+ )?(?:even|of|kijken)|^(?:dank u(?: wel)?"
            r"|dank je(?: wel)?|bedankt)$"
        ),
    ),
    sentence_ends=SentenceEnds(
        """
        dhr, mevr, mw, mej, dr, drs, ir, ing, mr, prof, ds, nr, nrs, tel, bijv, bv, b.v, o.a, d.w.z, ca, incl, excl,
        evt, resp, st, jl, a.s, m.b.t, t.a.v, i.v.m, i.p.v, t.o.v, n.a.v, m.u.v, t/m, art, blz, fig, afd, gem, max,
        min, z.s.m, p, p.p, jan, feb, mrt, apr, jun, jul, aug, sept, okt, nov, dec, postb, vgl, zgn, eig, o.l.v, h
        """,
        endings="str",
        may_end="enz, etc, e.d, b.v, n.v, p.m, p.u, jl",
        after_day=r"(?:januari|februari|maart|april|mei|juni|juli|augustus|september|oktober|november|december)\b",
    ),
    utterance=UTTERANCE_WORDS,
)
