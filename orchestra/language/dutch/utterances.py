"""What callers and agents say in Dutch, by what it tells about how far an utterance has got."""

from typing import Final

from orchestra.language.utterance_words import UtteranceWords

UTTERANCE_WORDS: Final = UtteranceWords(
    hesitates="""
    eh, ehm, uh, uhm, nou, nou ja, dus, even kijken, even denken, hoe zeg je dat, zeg maar, eigenlijk, ja nou
    """,
    waits="""
    een moment, een momentje, momentje, moment, een ogenblik, een ogenblikje, ogenblikje, een seconde, een seconde
    hoor, een minuutje, wacht, wacht even, wacht eens, wacht eens even, even wachten, eventjes, even geduld, even
    kijken, even kijken hoor, even denken, even zoeken, even zien, laat me even kijken, laat me denken, laat eens
    kijken, blijft u even hangen, blijf even hangen, niet ophangen, ik pak hem even, ik zoek het even op, ik kijk
    even, waar is hij, waar staat het, hoe was het
    """,
    looks="""
    laat me, laat mij, laat eens, even kijken, even zoeken, even denken, even pakken, ik kijk even, ik zoek even, ik
    pak even, ik moet even, ik moet eerst, ik ga even, ik zal even, ik ga kijken, ik zoek het, ik zoek hem, ik denk
    even, ik haal even
    """,
    leads_in="""
    en, maar, dus, ja, nee, nou, oké, oke, ok, goed, eh, uh, ach, oh, hallo, dag, goedemorgen, goedemiddag, sorry,
    pardon
    """,
    closes="""
    alstublieft, alsjeblieft, dank u, dank u wel, dank je, dank je wel, dankuwel, dankjewel, bedankt, hartelijk dank,
    hartelijk bedankt, heel erg bedankt, tot ziens, tot horens, doei, dag hoor, fijne dag, fijne dag nog, prettige
    dag, prettige dag nog, tot morgen, dat was het, dat was alles, dat is alles, verder niets, graag
    """,
    unfinished="""
    de, het, een, 't, van, met, voor de, door de, bij de, naar de, in de, op de, aan de, te, om te, tot, tussen,
    tegen, zonder, volgens, sinds, vanaf, wegens, ondanks, mijn, m'n, uw, jouw, zijn, haar, ons, onze, hun, dit is,
    deze, elke, elk, ieder, iedere, geen, en, of, maar, want, omdat, dat, als, terwijl, hoewel, zodat, zodra, tenzij,
    voordat, nadat, wanneer, heel, erg, zeer, ik denk dat, ik geloof dat, meneer, mevrouw, nummer, wat voor, zowel
    """,
    begun="""
    ik, wij, we, ik ben, ik heb, ik had, ik wil, ik wil graag, ik wou, ik wilde, ik wilde graag, ik zou, ik zou graag,
    ik zou graag willen, ik moet, ik kan, kunt u, kunt u mij, zou u, zou ik, kan ik, heeft u, hebt u, is er, zijn er,
    wilt u, ik heet, mijn naam is, mijn nummer is, het nummer is, mijn naam, mijn nummer, mijn adres, mijn adres is,
    mijn bestelling, ik bel, ik bel over, ik bel voor, ik bel omdat, het gaat om, het gaat over, ik wil weten, ik
    wilde weten, ik vraag me af, ik denk, ik bedoel, is, was, heeft, hebben we, we hebben
    """,
    preambles="""
    hallo, hoi, dag, goedemorgen, goedemiddag, goedenavond, goeiemorgen, goeiemiddag, goedendag, dank u, dank u wel,
    dank je wel, bedankt, ja, nee, oké, oke, ok, goed, heel goed, prima, mooi, perfect, dat is goed, dat klopt, dat is
    juist, dat klopt niet, dat is niet juist, dat is niet goed, dat is fout, dat is het niet, dat is niet zo, dat is
    fijn, aangenaam, meneer, mevrouw, sorry, pardon, een vraag, een vraagje, nou, eh
    """,
    announces="""
    ik heb een vraag, ik heb een vraagje, ik had een vraag, ik had een vraagje, ik heb nog een vraag, ik heb nog een
    vraagje, ik had nog een vraag, ik heb een probleem, ik heb een klacht, ik heb een verzoek, nog een vraag, nog een
    vraagje, nog iets, nog één ding, nog een ding, er is een probleem, er is nog iets, ik wilde u iets vragen, ik wil
    u iets vragen
    """,
    clauses="als, omdat, toen, terwijl, hoewel, zodra, voordat, nadat, wanneer, tenzij, sinds, zolang, doordat, totdat",
    asks="""
    wat, wie, wanneer, waar, waarheen, hoe, hoeveel, hoelang, hoe laat, waarom, welke, welk, waarmee, waarvoor, kan,
    kunt, kunnen, kun, mag, zou, zouden, is, zijn, heeft, hebt, hebben, heb, gaat, moet, wordt, worden, wilt, weet,
    klopt, vanaf wanneer, tot wanneer, tot hoe laat
    """,
    pointing="""
    de eerste, het eerste, eerste, de tweede, het tweede, tweede, de derde, het derde, de laatste, het laatste,
    allebei, beide, geen van beide, geen van beiden, maakt niet uit, het maakt niet uit, maakt me niet uit, één, een,
    twee, drie, die, dat, deze, de andere, het andere, 's ochtends, 's morgens, 's middags, 's avonds, in de ochtend,
    in de middag, in de avond
    """,
    with_choice="""
    de, het, een, op, om, in, aan, te, liever, liefst, het liefst, graag, ik, neem, wil, zou, willen, doe, doet, dan,
    is, was, komt, me, mij, uit, beter, maar, past, met, voor, denk, even
    """,
    question_words="wat, wie, wanneer, waar, waarheen, hoe, hoeveel, hoelang, waarom, welke, welk, waarmee, waarvoor",
    requests="""
    zegt u, zeg, zeg maar, noemt u, noem, geeft u, geef, kunt u mij, kunt u me, kunt u het, zou u mij, zou u me, mag
    ik, ik heb nodig, spelt u, kunt u spellen, kunt u dat spellen, zou u spellen, herhaalt u, kunt u herhalen, leest
    u, toetst u, voert u, vertelt u, kunt u, zou u, ik heb uw
    """,
    or_="of",
    tags="klopt dat, klopt, toch, juist, niet waar, hè, is dat juist, is dat goed, oké, is dat correct, ja, akkoord",
    whys="wanneer, waarom, hoelang, hoe lang, tot wanneer, de reden, hoe laat",
    digits_wanted="""
    nummer, klantnummer, telefoonnummer, mobiele nummer, pakketnummer, bestelnummer, ordernummer, factuurnummer,
    polisnummer, rekeningnummer, kaartnummer, creditcardnummer, code, pincode, postcode, cijfers, kenteken, iban,
    referentie, referentienummer, burgerservicenummer, bsn, reserveringsnummer, zendingsnummer, nummers
    """,
    spelling_wanted="spellen, spelt, spel, letter voor letter, letters",
    email_wanted="e-mail, email, mail, e-mailadres, emailadres, mailadres",
    address_wanted="adres, waar woont u, straat, huisnummer, bezorgadres, afleveradres",
    birth_wanted="geboortedatum, geboren, verjaardag",
    lengths="een twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien zestien",
    digit_nouns="cijfers, laatste cijfers, eerste cijfers, nummers, letters, tekens",
    card="creditcard, creditcardnummer, kaartnummer, bankpas, betaalpas, pasnummer",
    quantities="""
    hoeveel, hoe laat, welke tijd, welke dag, welke datum, wanneer, hoe oud, leeftijd, prijs, verdieping, maat, hoe
    lang
    """,
    digits="nul één twee drie vier vijf zes zeven acht negen",
    tens="""
    tien elf twaalf dertien veertien vijftien zestien zeventien achttien negentien twintig dertig veertig vijftig
    zestig zeventig tachtig negentig honderd duizend dubbel eenentwintig tweeëntwintig drieëntwintig vierentwintig
    vijfentwintig zesentwintig zevenentwintig achtentwintig negenentwintig eenendertig tweeëndertig drieëndertig
    vierendertig vijfendertig zesendertig zevenendertig achtendertig negenendertig eenenveertig tweeënveertig
    drieënveertig vierenveertig vijfenveertig zesenveertig zevenenveertig achtenveertig negenenveertig eenenvijftig
    tweeënvijftig drieënvijftig vierenvijftig vijfenvijftig zesenvijftig zevenenvijftig achtenvijftig negenenvijftig
    eenenzestig tweeënzestig drieënzestig vierenzestig vijfenzestig zesenzestig zevenenzestig achtenzestig
    negenenzestig eenenzeventig tweeënzeventig drieënzeventig vierenzeventig vijfenzeventig zesenzeventig
    zevenenzeventig achtenzeventig negenenzeventig eenentachtig tweeëntachtig drieëntachtig vierentachtig
    vijfentachtig zesentachtig zevenentachtig achtentachtig negenentachtig eenennegentig tweeënnegentig drieënnegentig
    vierennegentig vijfennegentig zesennegentig zevenennegentig achtennegentig negenennegentig
    """,
    at="apenstaartje, at",
    dot="punt, underscore, laag streepje, liggend streepje, streepje",
    spells_like="van als",
    months="januari, februari, maart, april, mei, juni, juli, augustus, september, oktober, november, december",
    address_begins="""
    mijn adres is, het adres is, ik woon in, ik woon op, ik woon aan, wij wonen in, we wonen in, stuur het naar
    """,
)
