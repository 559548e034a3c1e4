"""What callers and agents say in Italian, by what it tells about how far an utterance has got."""

from typing import Final

from orchestra.language.utterance_words import UtteranceWords

UTTERANCE_WORDS: Final = UtteranceWords(
    hesitates="""
    ehm, eh, uhm, allora, dunque, cioè, beh, be', diciamo, come si dice, come dire, praticamente, insomma, ecco
    """,
    waits="""
    un attimo, un attimino, un momento, un momentino, un secondo, un secondino, un minuto, aspetti, aspetta, aspetti
    un attimo, aspetti un momento, attenda, attenda un attimo, vediamo, vediamo un po', mi faccia vedere, mi faccia
    pensare, mi lasci pensare, fammi vedere, mi dia un attimo, mi dia un secondo, solo un attimo, solo un momento,
    resti in linea, adesso guardo, adesso controllo, ora controllo, dov'è, dove ce l'ho, com'era, non riattacchi
    """,
    looks="""
    mi faccia vedere, mi faccia pensare, mi faccia controllare, mi faccia cercare, mi lasci, fammi vedere, devo
    guardare, devo cercare, devo controllare, devo vedere, vado a vedere, vado a prendere, vado a cercare, adesso
    guardo, adesso cerco, adesso controllo, ora guardo, ora controllo, sto cercando, sto guardando, lo cerco, la
    cerco, aspetti che, vediamo se
    """,
    leads_in="""
    e, ma, però, allora, dunque, sì, no, beh, ehm, ah, oh, ok, pronto, buongiorno, buonasera, salve, senta, scusi, mi
    scusi, ecco
    """,
    closes="""
    per favore, per piacere, per cortesia, grazie, grazie mille, molte grazie, la ringrazio, grazie tante,
    arrivederci, arrivederla, buona giornata, buona serata, a presto, a domani, ciao, è tutto, nient'altro, basta
    così, gentilmente
    """,
    unfinished="""
    il, lo, la, i, gli, le, l', un, uno, una, un', di, a, da, in, con, su, per, tra, fra, del, dello, della, dei,
    degli, delle, dell', al, allo, alla, ai, agli, alle, all', dal, dalla, dallo, dai, dalle, dall', nel, nella,
    nello, nei, nelle, nell', sul, sulla, sullo, sui, sulle, sull', mio, mia, miei, mie, tuo, tua, suo, sua, suoi,
    sue, nostro, nostra, nostri, vostro, vostra, e, ed, o, oppure, ma, però, perché, che, se, quando, mentre, come,
    anche se, dove, cui, siccome, molto, troppo, più di, ogni, qualche, credo che, penso che, c'è, signor, signora,
    dottor, numero, via, riguardo, a proposito, non, né, sotto, sopra, verso, senza, dopo
    """,
    begun="""
    questo è, è, era, sono, ero, ho, ha, hanno, abbiamo, avevo, vorrei, volevo, voglio, avrei bisogno di, ho bisogno
    di, ho bisogno, avrei bisogno, mi serve, mi servirebbe, posso, può, potrebbe, può dirmi, potrebbe dirmi, mi può
    dire, mi può, mi chiamo, il mio nome è, il mio numero è, il mio nome, il mio numero, il mio indirizzo, la mia
    mail, il mio ordine, chiamo per, sto chiamando, la chiamo per, chiamo, volevo sapere, vorrei sapere, volevo
    chiedere, credo, ci sono, si, mi, gli ho, le ho
    """,
    copulas="è, era, sono, sarebbe",
    preambles="""
    pronto, buongiorno, buonasera, buon pomeriggio, salve, ciao, buon giorno, buona sera, grazie, grazie mille, sì,
    no, ah, ok, bene, va bene, benissimo, perfetto, d'accordo, non è questo, non è così, non è corretto, non è giusto,
    è sbagliato, è corretto, è giusto, è esatto, senta, scusi, mi scusi, signora, signore, piacere, una domanda, una
    cosa, ecco, allora
    """,
    announces="""
    ho una domanda, avrei una domanda, ho un'altra domanda, avrei un'altra domanda, ho un problema, avrei un problema,
    ho una richiesta, ho un reclamo, ho un dubbio, ancora una domanda, ancora una cosa, un'altra cosa, un'altra
    domanda, un'ultima cosa, volevo chiederle una cosa, volevo farle una domanda, vorrei farle una domanda, c'è un
    problema, c'è un'altra cosa
    """,
    clauses="""
    quando, se, perché, siccome, mentre, appena, prima che, dopo che, da quando, anche se, finché, visto che, dato che
    """,
    asks="""
    che, che cosa, cosa, chi, quando, dove, dov'è, come, com'è, quanto, quanta, quanti, quante, perché, qual, quale,
    quali, a che, a che ora, di che, in che, per quando, da quando, fino a quando, può, posso, potrebbe, potrei,
    possiamo, potete, ha, avete, c'è, ci sono, è possibile, sa, sapete, mi può, mi potrebbe, si può
    """,
    pointing="""
    il primo, la prima, primo, prima, il secondo, la seconda, secondo, seconda, il terzo, la terza, l'ultimo,
    l'ultima, tutti e due, tutte e due, entrambi, entrambe, nessuno, nessuna, nessuno dei due, è uguale, è lo stesso,
    fa lo stesso, indifferente, uno, una, due, tre, quello, quella, questo, questa, l'altro, l'altra, la mattina, di
    mattina, il pomeriggio, di pomeriggio, la sera, di sera
    """,
    with_choice="""
    il, lo, la, i, gli, le, l', un, uno, una, a, al, alla, per, di, del, in, meglio, preferisco, preferirei,
    preferibilmente, prendo, vorrei, voglio, mi, va, bene, andrebbe, sarebbe, è, quello, quella, allora, direi,
    facciamo, credo, penso, io, me, con
    """,
    question_words="""
    che cosa, che ora, che giorno, a che, cosa, chi, quando, dove, come, quanto, quanta, quanti, quante, perché, qual,
    quale, quali, dov'è
    """,
    requests="""
    mi dica, dica, mi dia, mi può dare, mi può dire, può darmi, può dirmi, potrebbe darmi, potrebbe dirmi, mi dice, mi
    indichi, può indicarmi, mi fornisca, può fornirmi, ho bisogno, avrei bisogno, mi serve, compiti, può sillabare,
    può compitare, mi faccia lo spelling, può farmi lo spelling, fare lo spelling, mi ripeta, può ripetere, ripeta,
    inserisca, digiti, mi legga, posso avere
    """,
    or_="o, oppure",
    tags="giusto, corretto, esatto, vero, è corretto, è giusto, va bene, no, è così, non è vero, d'accordo, sì",
    whys="quando, perché, quanto tempo, fino a quando, per quanto, come mai, il motivo, a che ora",
    digits_wanted="""
    numero, codice, codice postale, cap, cifre, pin, password, telefono, cellulare, carta, conto, riferimento,
    pratica, polizza, targa, iban, numeri, codice cliente, codice fiscale
    """,
    spelling_wanted="spelling, sillabare, compitare, compiti, lettera per lettera, lettere",
    email_wanted="e-mail, email, mail, posta elettronica, indirizzo e-mail, indirizzo email, indirizzo mail",
    address_wanted="indirizzo, dove abita, via, domicilio, residenza, indirizzo di consegna",
    birth_wanted="data di nascita, nascita, compleanno, quando è nato, quando è nata, nato, nata",
    lengths="uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici",
    digit_nouns="cifre, ultime cifre, prime cifre, numeri, ultimi numeri, lettere, caratteri",
    card="carta di credito, carta di debito, numero di carta, numero della carta, numero della sua carta, bancomat",
    quantities="""
    quanto, quanta, quanti, quante, a che ora, che ora, che giorno, quando, quanti anni, età, prezzo, piano, taglia
    """,
    digits="zero uno due tre quattro cinque sei sette otto nove",
    tens="""
    dieci undici dodici tredici quattordici quindici sedici diciassette diciotto diciannove venti ventuno ventidue
    ventitré ventiquattro venticinque ventisei ventisette ventotto ventinove trenta trentuno trentadue trentatré
    trentaquattro trentacinque trentasei trentasette trentotto trentanove quaranta quarantuno quarantadue quarantatré
    quarantaquattro quarantacinque quarantasei quarantasette quarantotto quarantanove cinquanta cinquantuno
    cinquantadue cinquantatré cinquantaquattro cinquantacinque cinquantasei cinquantasette cinquantotto cinquantanove
    sessanta sessantuno sessantadue sessantatré sessantaquattro sessantacinque sessantasei sessantasette sessantotto
    sessantanove settanta settantuno settantadue settantatré settantaquattro settantacinque settantasei settantasette
    settantotto settantanove ottanta ottantuno ottantadue ottantatré ottantaquattro ottantacinque ottantasei
    ottantasette ottantotto ottantanove novanta novantuno novantadue novantatré novantaquattro novantacinque
    novantasei novantasette novantotto novantanove cento duecento trecento mille doppio
    """,
    at="chiocciola, at",
    dot="punto, trattino basso, underscore, trattino",
    spells_like="come di",
    months="gennaio, febbraio, marzo, aprile, maggio, giugno, luglio, agosto, settembre, ottobre, novembre, dicembre",
    address_begins="""
    il mio indirizzo è, l'indirizzo è, abito in, abito a, vivo in, abitiamo in, lo spedisca a, lo mandi a
    """,
)
