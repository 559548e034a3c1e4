"""The words of German."""

from typing import Final

from orchestra.language.call_screening import ScreeningPatterns
from orchestra.language.german.utterances import UTTERANCE_WORDS
from orchestra.language.plain_text import SignNames
from orchestra.language.port import Phrases
from orchestra.language.sentence_splitter import SentenceEnds
from orchestra.language.vocabulary import Vocabulary

VOCABULARY: Final = Vocabulary(
    code="de",
    name="German",
    phrases=Phrases(
        apology="Entschuldigung, da ist bei mir etwas schiefgegangen. Könnten Sie das bitte noch einmal sagen?",
        holding="Einen Moment, bitte.",
        bridges=("Einen Moment.", "Ich sehe nach.", "Eine Sekunde.", "Gut, einen Moment."),
        still_there="Sind Sie noch da?",
        transfer_failed=(
            "Es tut mir leid, im Moment kann niemand Ihren Anruf entgegennehmen. Was kann ich sonst für Sie tun?"
        ),
        handed_back="Sie sprechen wieder mit unserem Assistenten. Was kann ich sonst noch für Sie tun?",
        not_recorded="In Ordnung, dieses Gespräch wird nicht aufgezeichnet.",
        farewell="Vielen Dank für Ihren Anruf. Auf Wiederhören.",
        transferring="Ich verbinde Sie jetzt mit einem Mitarbeiter.",
        passing_on="Ich verbinde Sie jetzt.",
        incoming_transfer="Ein Anruf von {app}. {briefing}",
        line_is_closed="Die Leitung ist gerade nicht besetzt.",
        not_understood="Der Anrufer wurde nicht verstanden, als er gefragt wurde: {question}",
        accept_transfer="Drücken Sie {key}, um ihn anzunehmen.",
        unknown_line="Diese Rufnummer ist nicht vergeben. Auf Wiederhören.",
        closed=(
            "Wir haben zurzeit geschlossen. Bitte rufen Sie während unserer Öffnungszeiten wieder an. Auf Wiederhören."
        ),
        confirmation="Nur zur Sicherheit: {what}{details}. Soll ich das so machen?",
    ),
    signs=SignNames(star="Stern", stars="Sterne", times="mal"),
    tool_examples={
        "end_call": (
            "auf Wiederhören",
            "tschüss",
            "das war alles, danke",
            "nein danke, das wäre alles",
            "bitte auflegen",
        ),
        "transfer_call": (
            "einen Mitarbeiter bitte",
            "ich möchte mit einem Menschen sprechen",
            "kann ich mit jemandem sprechen",
            "verbinden Sie mich bitte",
        ),
    },
    yes="""
    ja, ja bitte, jawohl, jawoll, jo, jep, jap, genau, ganz genau, richtig, korrekt, stimmt, das stimmt, stimmt genau,
    in ordnung, ist in ordnung, das ist in ordnung, einverstanden, natürlich, selbstverständlich, sicher, auf jeden
    fall, unbedingt, absolut, klar, na klar, klar doch, gerne, gern, sehr gerne, aber gerne, machen sie das,
    bestätige, kein problem, aber ja, ja doch, freilich, na sicher, eben
    """,
    may_say_yes="""
    okay, ok, gut, sehr gut, alles klar, passt, das passt, passt so, perfekt, prima, super, schön, bitte, doch, geht
    klar, von mir aus, warum nicht, wunderbar, bestens, fein, meinetwegen, hört sich gut an, klingt gut
    """,
    no="""
    nein, nee, ne, nö, nicht, kein, keine, keinen, niemals, nie, warten sie, warte, moment, stopp, stop, halt,
    abbrechen, stornieren, lieber, sondern, aber, eigentlich, anders, andere, anderen, anderer, anderes, ändern,
    falsch, vielleicht, weiß nicht, unsicher, doch nicht, auf keinen fall, keinesfalls, noch nicht, stattdessen, statt
    """,
    beside_yes="""
    ach, ah, also, an, auch, das, dann, den, der, die, dem, es, ich, ist, sie, so, mir, mich, danke, danke schön,
    dankeschön, vielen dank, besten dank, bitte schön, mal, machen, mach, tun, tu, wir, und, war, wäre, nett, sehr,
    nur, schon, jetzt, hm, äh, ähm, würde, möchte, will, passt mir, alles, ganz, recht, mir recht, wunderbar, können,
    könnten, tun sie das, danach, doch bitte, na, na gut
    """,
    backchannels="""
    ja, ja ja, jaja, jo, jep, genau, ganz genau, richtig, stimmt, das stimmt, gut, sehr gut, ja gut, na gut, okay,
    alles klar, klar, na klar, verstehe, ich verstehe, verstanden, hab verstanden, habe verstanden, ich weiß, weiß
    ich, ach so, achso, ach ja, aha, soso, so so, schön, prima, super, perfekt, toll, wunderbar, in ordnung, sicher,
    natürlich, interessant, ach, na ja, eben, absolut, logisch, macht sinn, das macht sinn, passt, ach nein wirklich,
    alles gut, fein, jawohl
    """,
    fragments="und, der, die, das, den, dem, ein, eine, in, mit, von, zu",
    pardons="hä, äh, wie, bitte",
    no_sounds="um, er, ihm, am, ehe",
    stop_words="""
    ab aber alle allem allen aller alles als also am an andere auch auf aus bei beim bin bis bist bitte da dabei dafür
    damit danke dann daran darauf das dass dein deine dem den denn der deren des dessen dich die dies diese diesem
    diesen dieser dieses dir doch dort du durch ein eine einem einen einer eines er es etwas euch euer für gab ganz
    gar gegen geht gibt guten habe haben hab hallo hat hatte hätte hätten hier hin ich ihm ihn ihnen ihr ihre ihrem
    ihren ihrer im in ins irgend irgendwas ist ja jede jedem jeden jeder jedes jemand jetzt kann kannst kein keine
    können könnte könnten könnt machen mal man mein meine meinem meinen meiner mich mir mit möchte möchten muss müssen
    na nach nein nicht nichts noch nun nur ob oder ohne schon sehr sein seine sich sie sind so soll sollen sollte
    sollten sonst tag tun über um und uns unser unsere unter vom von vor wann war warum was weg weil welche welchem
    welchen welcher welches wenn wer werde werden wie wieder will wir wird wirklich wissen wo wohl wollen wollte
    worden wurde würde würden zu zum zur zwischen
    """,
    vague="""
    nacht morgen abend nachmittag wochenende heute gestern woche monat jahr tag stunde minute zeit letzte nächste
    erste bestellung nummer kommen neu alt groß klein gut weg art
    """,
    polite="""
    hallo, guten tag, guten morgen, guten abend, grüß gott, servus, moin, hi, bitte, danke, danke schön, vielen dank,
    also, ja, äh, ähm, oh, ach, na, okay, gut, so, und, jetzt, entschuldigung, entschuldigen sie
    """,
    flags=("ja", "nein"),
    conjunction="und",
    names="""
    Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonnabend Sonntag Januar Jänner Februar März April Mai Juni
    Juli August September Oktober November Dezember Morgen Vormittag Mittag Nachmittag Abend Nacht Euro
    """,
    greetings="""
    hallo ja guten tag morgen abend grüß gott servus moin hier ist spricht am apparat bitte wer da jawohl grüezi hi
    """,
    screening=ScreeningPatterns(
        takes_message=(
            r"\b(?:hinterlass\w*|sprechen|sprich)\b.{0,30}\bnachricht|\bnachricht\b.{0,30}\b(?:hinterlass\w*"
            r"|aufsprechen|sprechen)"
            r"|\bnach dem (?:signal|piep|ton|signalton|piepton)|\bmailbox\b|\banrufbeantworter|\bsprachbox"
        ),
        asks=(
            r"\bnamen\b.{0,40}\b(?:grund|warum|weshalb|anliegen)\b.{0,30}\b(?:auf\w*|nenn\w*|sag\w*|anruf\w*)"
            r"|\b(?:nennen|sagen|sprechen) (?:sie )?(?:bitte )?(?:ihren|deinen) namen\b.{0,40}\b(?:grund|warum|weshalb)"
            r"|\banruffilter|\bgefiltert|\bob (?:diese|die) person (?:verfügbar|erreichbar) ist"
            r"|\bdie person die sie (?:anrufen|erreichen)"
            r"|\bbevor ich (?:sie|dich) (?:verbinde|durchstelle)"
        ),
        asks_on=(
            r"\bist es dringend|\bwer (?:ist da|spricht|ruft an|sind sie)|\bworum geht(?:'s| es)|\bum was geht"
            r"|\b(?:ihr|dein) name\b"
            r"|\bin welcher angelegenheit|\bnicht (?:ganz )?(?:verstanden|gehört)|\b(?:wiederholen|noch einmal)\b"
        ),
        declines=(
            r"\bnicht (?:\w+ )?(?:verfügbar|erreichbar|zu sprechen)|\bkann (?:\w+ ){0,4}nicht (?:\w+ )?(?:sprechen"
            r"|rangehen|annehmen|ans telefon)"
            r"|\bkein interesse|\bnicht interessiert|\b(?:löschen|entfernen|streichen) sie (?:diese|meine|die) nummer"
            r"|\brufen sie (?:\w+ )?nicht (?:mehr|wieder) an|\brufe? (?:sie |dich )?(?:\w+ )?zurück"
            r"|\brufen sie (?:\w+ )?später"
            r"|\bschicken sie (?:mir )?(?:eine )?(?:nachricht|information)|\bauf wieder(?:hören|sehen)\b"
        ),
        waits=(
            r"\bbleib(?:en)? (?:sie )?(?:\w+ )?(?:dran|in der leitung|am apparat)|\bwarten sie|\b(?:einen"
            r"|ein) (?:moment|augenblick)"
            r"|\bverbinde (?:sie|dich)\b|\bich (?:sehe|schaue|frage|prüfe) (?:mal |kurz )?(?:nach|ob)?|^(?:vielen "
            r"|herzlichen )?dank(?:e)?$"
        ),
    ),
    sentence_ends=SentenceEnds(
        """
        hr, hrn, fr, frl, dr, prof, dipl, ing, nr, str, tel, ca, bzw, z.b, z. b, d.h, d. h, u.a, u. a, o.g, o. g, s.o,
        s. o, i.d.r, i. d. r, inkl, exkl, zzgl, evtl, ggf, mind, max, bspw, vgl, abs, art, bes, bez, ehem, einschl,
        einschließl, gem, geb, hbf, jh, jhd, lt, mfg, pos, s, st, stk, vorm, nachm, allg, versch, wg, mrd, mio, tsd,
        abt, gmbh & co, postf, zw, usf, sog
        """,
        endings="str",
        may_end="h, usw, etc, u.s.w, min, std, sek, tsd, mio, mrd, jh, o.ä, o. ä, u.ä, u. ä, hbf",
        before_ordinal="""
        am der die das dem den des im zum zur vom beim bis ab seit ihr ihre ihren ihrem ihrer unser unsere unserem
        unseren mein meine meinen meinem jeder jede jeden jedem dieser diese diesen diesem ersten
        """,
        after_day=r"(?:Jan|Feb|Mär|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez|Jänner|Feber|(?:Stock|Etage|Klasse|Quartal|Mal"
        r"|Jahrhundert|Geburtstag|Platz|Tag|Woche|Monat|Rate|Versuch|Reihe|OG|UG|Obergeschoss|Person|Advent"
        r"|Weltkrieg)\b"
        r"|(?:bis|und|oder|–) |\d|[a-zäöü])",
    ),
    utterance=UTTERANCE_WORDS,
)
