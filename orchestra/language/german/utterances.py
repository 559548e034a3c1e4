"""What callers and agents say in German, by what it tells about how far an utterance has got."""

from typing import Final

from orchestra.language.utterance_words import UtteranceWords

UTTERANCE_WORDS: Final = UtteranceWords(
    hesitates="äh, ähm, öh, öhm, hm, also, tja, sozusagen, na ja, wie sagt man, wie soll ich sagen, und zwar, halt",
    waits="""
    moment, einen moment, einen augenblick, augenblick, einen kleinen moment, moment mal, sekunde, eine sekunde, kurz
    warten, warten sie, warte, warten sie kurz, warten sie mal, warten sie einen moment, mal sehen, mal schauen, mal
    gucken, eine minute, bleiben sie dran, einen moment noch, ich hab's gleich, hab's gleich, gleich, wo ist er, wo
    ist sie, wo ist es, wo hab ich das, wie war das, ich muss kurz überlegen
    """,
    looks="""
    lassen sie mich, lass mich, ich schaue, ich schau, ich gucke, ich guck, ich sehe mal, ich seh mal, ich muss mal,
    ich muss kurz, ich muss nachsehen, ich muss nachschauen, ich muss erst, ich suche, ich such, ich hole, ich hol,
    ich überlege, da muss ich, das muss ich, ich sehe nach, ich schaue nach, ich schaue mal nach, ich denke nach
    """,
    leads_in="""
    und, aber, also, ja, nein, gut, okay, ok, äh, ähm, ach, oh, hallo, guten tag, entschuldigung, entschuldigen sie,
    so, na, dann, ja gut
    """,
    closes="""
    bitte, danke, danke schön, dankeschön, vielen dank, besten dank, herzlichen dank, recht herzlichen dank, tschüss,
    tschüs, auf wiederhören, auf wiedersehen, wiederhören, ciao, schönen tag noch, einen schönen tag noch, das war's,
    das wär's, das war alles, das wäre alles, mehr nicht, bis dann, bis morgen
    """,
    unfinished="""
    der, die, das, dem, den, des, ein, eine, einen, einem, einer, eines, mein, meine, meinen, meinem, meiner, ihr,
    ihre, ihren, ihrem, ihrer, unser, unsere, unseren, unserem, unserer, kein, keine, keinen, sein, seine, seinen,
    dieser, diese, diesen, diesem, dieses, jeder, jede, jeden, und, oder, aber, denn, sondern, weil, dass, ob, wenn,
    als, obwohl, damit, sodass, bevor, nachdem, falls, sobald, solange, während, wegen, trotz, für, gegen, ohne, seit,
    zwischen, von, vom, zum, zur, beim, im, am, ans, ins, in, neben, hinter, gegenüber, laut, sehr, ziemlich,
    besonders, herr, frau, doktor, nummer, was für, weder, entweder, zu dem, zu der, mit dem, mit der, mit einem, mit
    einer, dort wo
    """,
    begun="""
    ich, wir, ich bin, ich habe, ich hab, ich hatte, ich möchte, ich möchte gerne, ich möchte gern, ich wollte, ich
    würde, ich würde gerne, ich würde gern, ich hätte, ich hätte gerne, ich hätte gern, ich brauche, ich bräuchte, ich
    will, ich kann, können sie, könnten sie, kann ich, könnte ich, haben sie, gibt es, würden sie, ich heiße, mein
    name ist, meine nummer ist, die nummer ist, meine nummer lautet, die nummer lautet, meine adresse ist, mein name,
    meine nummer, meine adresse, es geht um, ich rufe an wegen, ich wollte fragen, ich wollte wissen, ich glaube, ich
    denke, ich meine, und zwar wegen, wie, ist, sind, war, hat, haben wir, wir haben, wir sind, ich wollte nur
    """,
    preambles="""
    hallo, guten tag, guten morgen, guten abend, schönen guten tag, grüß gott, servus, moin, tag, hi, danke, danke
    schön, vielen dank, ja, nein, okay, gut, sehr gut, alles klar, prima, super, das ist gut, das ist richtig, das
    stimmt, das ist falsch, das stimmt nicht, das ist nicht richtig, das ist es nicht, das ist schön, freut mich, ich
    grüße sie, grüße sie, entschuldigung, entschuldigen sie, eine frage, ich hätte eine frage, nochmal, also, äh
    """,
    announces="""
    ich habe eine frage, ich hab eine frage, ich hätte eine frage, ich hätte da eine frage, ich habe noch eine frage,
    ich hätte noch eine frage, ich habe ein problem, ich hab ein problem, ich habe ein anliegen, noch eine frage, eine
    frage noch, noch etwas, noch was, eine sache noch, noch eine sache, es gibt ein problem, da ist noch etwas, ich
    wollte sie etwas fragen
    """,
    clauses="""
    wenn, weil, als, nachdem, bevor, obwohl, sobald, während, falls, da, seit, seitdem, solange, damit, bis
    """,
    asks="""
    was, wer, wen, wem, wann, wo, wohin, woher, wie, wieso, warum, weshalb, welche, welcher, welches, welchen, wie
    viel, wie viele, wieviel, kann, können, könnten, könnte, darf, dürfte, ist, sind, haben, hat, gibt, gibt es, wird,
    werden, würden, soll, muss, müssen, möchten, wissen, geht, stimmt, bin, habe, um wie viel, bis wann, ab wann, an
    wen
    """,
    pointing="""
    das erste, die erste, der erste, den ersten, das zweite, die zweite, der zweite, den zweiten, das dritte, die
    dritte, der dritte, den dritten, das letzte, die letzte, den letzten, beide, beides, keins, keines, keine von
    beiden, egal, das ist egal, ist mir egal, eins, zwei, drei, das, die, den, das andere, die andere, den anderen,
    morgens, vormittags, mittags, nachmittags, abends, am vormittag, am nachmittag, am abend
    """,
    with_choice="""
    der, die, das, den, dem, ein, eine, einen, am, um, im, in, lieber, besser, ich, nehme, hätte, möchte, gern, gerne,
    dann, würde, passt, ist, wäre, mir, es, bitte, zur, zum, so, also, eher, ich denke, ich glaube, mit, uns, mal,
    doch
    """,
    question_words="""
    was, wer, wen, wem, wann, wo, wohin, woher, wie, wieso, warum, weshalb, welche, welcher, welches, welchen,
    welchem, wie viel, wie viele, womit, worum
    """,
    requests="""
    sagen sie mir, sagen sie, nennen sie mir, nennen sie, geben sie mir, geben sie, können sie mir, könnten sie mir,
    würden sie mir, buchstabieren sie, können sie buchstabieren, könnten sie buchstabieren, können sie das
    buchstabieren, wiederholen sie, lesen sie, ich brauche, ich bräuchte, ich benötige, darf ich, verraten sie mir,
    tippen sie, buchstabieren
    """,
    or_="oder",
    tags="""
    richtig, korrekt, stimmt das, stimmt's, oder, nicht wahr, ja, ist das richtig, ist das korrekt, okay, in ordnung,
    gell, oder nicht
    """,
    whys="wann, warum, wieso, weshalb, wie lange, bis wann, der grund",
    digits_wanted="""
    nummer, kundennummer, telefonnummer, rufnummer, handynummer, paketnummer, sendungsnummer, bestellnummer,
    auftragsnummer, rechnungsnummer, vertragsnummer, versicherungsnummer, kontonummer, kartennummer,
    kreditkartennummer, code, pin, ziffern, stellen, postleitzahl, kennzeichen, iban, buchungsnummer, vorgangsnummer,
    referenznummer, geheimzahl, mitgliedsnummer
    """,
    spelling_wanted="buchstabieren, buchstabe für buchstabe, buchstaben, buchstabierst",
    email_wanted="e-mail, email, mail, e-mail-adresse, mailadresse, emailadresse, mail-adresse",
    address_wanted="adresse, anschrift, lieferadresse, straße, wo wohnen sie, hausnummer, postanschrift",
    birth_wanted="geburtsdatum, geburtstag, wann sind sie geboren, geboren",
    lengths="eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn",
    digit_nouns="ziffern, stellen, zahlen, letzten ziffern, letzten stellen, ersten ziffern, buchstaben",
    card="kreditkarte, kartennummer, kreditkartennummer, bankkarte, kreditkarten-nummer",
    quantities="""
    wie viel, wie viele, wieviel, um wie viel uhr, welche uhrzeit, wann, wie alt, welcher tag, welches datum, preis,
    wie lange, größe, etage, stock, wie spät
    """,
    digits="null eins zwei drei vier fünf sechs sieben acht neun zwo",
    tens="""
    zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn zwanzig dreißig vierzig fünfzig
    sechzig siebzig achtzig neunzig hundert tausend doppel einundzwanzig zweiundzwanzig dreiundzwanzig vierundzwanzig
    fünfundzwanzig sechsundzwanzig siebenundzwanzig achtundzwanzig neunundzwanzig einunddreißig zweiunddreißig
    dreiunddreißig vierunddreißig fünfunddreißig sechsunddreißig siebenunddreißig achtunddreißig neununddreißig
    einundvierzig zweiundvierzig dreiundvierzig vierundvierzig fünfundvierzig sechsundvierzig siebenundvierzig
    achtundvierzig neunundvierzig einundfünfzig zweiundfünfzig dreiundfünfzig vierundfünfzig fünfundfünfzig
    sechsundfünfzig siebenundfünfzig achtundfünfzig neunundfünfzig einundsechzig zweiundsechzig dreiundsechzig
    vierundsechzig fünfundsechzig sechsundsechzig siebenundsechzig achtundsechzig neunundsechzig einundsiebzig
    zweiundsiebzig dreiundsiebzig vierundsiebzig fünfundsiebzig sechsundsiebzig siebenundsiebzig achtundsiebzig
    neunundsiebzig einundachtzig zweiundachtzig dreiundachtzig vierundachtzig fünfundachtzig sechsundachtzig
    siebenundachtzig achtundachtzig neunundachtzig einundneunzig zweiundneunzig dreiundneunzig vierundneunzig
    fünfundneunzig sechsundneunzig siebenundneunzig achtundneunzig neunundneunzig
    """,
    at="ät, at, klammeraffe, et",
    dot="punkt, unterstrich, bindestrich, minus",
    spells_like="wie für von",
    months="""
    januar, jänner, februar, feber, märz, april, mai, juni, juli, august, september, oktober, november, dezember
    """,
    address_begins="""
    meine adresse ist, die adresse ist, ich wohne in, ich wohne im, ich wohne am, ich wohne an, wir wohnen in,
    schicken sie es an
    """,
)
