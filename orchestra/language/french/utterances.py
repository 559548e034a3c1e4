"""What callers and agents say in French, by what it tells about how far an utterance has got."""

from typing import Final

from orchestra.language.utterance_words import UtteranceWords

UTTERANCE_WORDS: Final = UtteranceWords(
    hesitates="""
    euh, heu, ben, bah, alors, donc, enfin, en fait, comment dire, disons, voyons, c'est-à-dire, genre, du coup
    """,
    waits="""
    un instant, un petit instant, un moment, un petit moment, une seconde, une petite seconde, deux secondes, une
    minute, deux minutes, attendez, attends, attendez un instant, attendez une seconde, patientez, ne quittez pas,
    voyons voir, voyons, laissez-moi voir, laissez-moi réfléchir, je cherche, je regarde, je réfléchis, je vérifie, où
    est-ce que c'est, où est-il, c'était quoi, comment déjà, je vais voir
    """,
    looks="""
    laissez-moi, laisse-moi, je vais voir, je vais regarder, je vais chercher, je vais vérifier, je dois regarder, je
    dois vérifier, il faut que je regarde, il faut que je cherche, je regarde, je cherche, je vérifie, je réfléchis,
    attendez que je, attendez je
    """,
    leads_in="""
    et, mais, alors, donc, bon, ben, bah, oui, non, euh, ah, oh, ok, d'accord, bonjour, allô, excusez-moi, pardon, en
    fait, eh bien
    """,
    closes="""
    s'il vous plaît, s'il te plaît, svp, merci, merci beaucoup, merci bien, merci d'avance, je vous remercie, au
    revoir, à bientôt, bonne journée, bonne soirée, à demain, salut, c'est tout, ce sera tout, rien d'autre, c'est bon
    merci
    """,
    unfinished="""
    le, la, les, l', un, une, des, du, de, d', au, aux, à, en, dans, sur, sous, avec, sans, pour, par, chez, vers,
    entre, contre, depuis, pendant, avant de, après un, selon, malgré, mon, ma, mes, ton, ta, tes, son, sa, ses,
    notre, nos, votre, vos, leur, leurs, ce, cet, cette, ces, et, ou, mais, or, ni, car, que, qu', qui, dont, si,
    comme, quand, lorsque, parce que, puisque, afin de, très, trop, plus de, j'étais, j'aimerais, pouvez-vous,
    pourriez-vous, puis-je, avez-vous, j'appelle, j'appelais, je crois que, je pense que, je ne sais pas si, monsieur,
    madame, mademoiselle, numéro, rue, concernant, à cause, au sujet, à propos, chaque, quel, quelle
    """,
    begun="""
    donc que, je, j'ai, j'avais, je suis, je voudrais, je voulais, je veux, j'ai besoin de, j'ai besoin, il me faut,
    il me faudrait, il faut, je peux, est-ce que, est-ce que je, est-ce que vous, est-ce que je peux, est-ce que vous
    pouvez, y a-t-il, il y a, c'est, c'était, ce n'est, je m'appelle, mon nom est, mon numéro est, mon numéro c'est,
    mon nom, mon numéro, mon adresse, mon adresse est, je vous appelle, je vous appelle pour, je voulais savoir,
    j'aimerais savoir, j'ai reçu, vous avez, nous avons, on a, elle est, il est, est, sont, était, ne, y, se, me
    """,
    copulas="est, sont, était, c'est, c'était, sera",
    preambles="""
    bonjour, bonsoir, allô, salut, bonjour madame, bonjour monsieur, merci, merci beaucoup, merci bien, oui, non,
    d'accord, ok, bien, très bien, parfait, c'est bien, c'est bon, c'est exact, c'est ça, c'est correct, ce n'est pas
    ça, c'est pas ça, ce n'est pas correct, ce n'est pas exact, c'est faux, c'est une erreur, madame, monsieur,
    excusez-moi, pardon, une question, ah, bon, euh, enchanté, enchantée, re-bonjour, rebonjour
    """,
    announces="""
    j'ai une question, j'aurais une question, j'ai une autre question, j'aurais une autre question, j'ai un problème,
    j'ai un souci, j'ai une demande, j'ai une réclamation, encore une question, une dernière question, autre chose,
    encore une chose, une dernière chose, il y a un problème, il y a autre chose, je voulais vous poser une question,
    je voudrais vous poser une question
    """,
    clauses="""
    quand, si, parce que, puisque, comme, lorsque, dès que, avant que, après que, bien que, pendant que, depuis que,
    tant que, une fois que
    """,
    asks="""
    qu'est-ce que, qu'est-ce qui, est-ce que, est-ce qu'il, est-ce qu'elle, est-ce qu'on, que, quoi, qui, quand, où,
    comment, combien, pourquoi, quel, quelle, quels, quelles, à quelle, à quel, de quelle, dans combien, depuis quand,
    jusqu'à quelle, pouvez-vous, pourriez-vous, puis-je, avez-vous, y a-t-il, est-il, est-elle, vous avez, vous
    pouvez, vous pourriez, peut-on, c'est possible, je peux, savez-vous
    """,
    pointing="""
    le premier, la première, premier, première, le deuxième, la deuxième, le second, la seconde, deuxième, le
    troisième, la troisième, le dernier, la dernière, les deux, aucun, aucune, aucun des deux, n'importe, peu importe,
    ça m'est égal, l'un ou l'autre, un, une, deux, trois, celui-là, celle-là, celui-ci, celle-ci, l'autre, le matin,
    l'après-midi, le soir
    """,
    with_choice="""
    le, la, les, l', un, une, à, au, en, de, du, plutôt, je préfère, je préférerais, je prends, je prendrais, je
    voudrais, j'aimerais, je, pour, ce sera, ça sera, c'est, serait, mieux, me, convient, va, irait, alors, donc, euh,
    s'il vous plaît, celui de, celle de, dans, moi, va pour, disons
    """,
    question_words="""
    qu'est-ce que, qu'est-ce qui, quoi, qui, quand, où, comment, combien, pourquoi, quel, quelle, quels, quelles,
    lequel, laquelle
    """,
    requests="""
    dites-moi, donnez-moi, pouvez-vous me, pourriez-vous me, pouvez-vous m'indiquer, pourriez-vous m'indiquer, vous
    pouvez me, indiquez-moi, indiquez, épelez, épelez-moi, pouvez-vous épeler, pourriez-vous épeler, pouvez-vous
    l'épeler, vous pouvez épeler, répétez, pouvez-vous répéter, j'ai besoin de, j'ai besoin du, il me faut, il me
    faudrait, puis-je avoir, saisissez, tapez, composez, communiquez-moi, lisez-moi, me donner, me dire
    """,
    or_="ou, ou bien",
    tags="""
    c'est ça, c'est bien ça, c'est correct, correct, n'est-ce pas, c'est exact, non, d'accord, hein, oui, c'est bon
    """,
    whys="quand, pourquoi, combien de temps, jusqu'à quand, la raison",
    digits_wanted="""
    numéro, code, code postal, chiffres, pin, mot de passe, téléphone, carte, compte, référence, dossier,
    immatriculation, iban, numéros, commande, le numéro
    """,
    spelling_wanted="épeler, épelez, épelez-moi, l'épeler, lettre par lettre, lettres",
    email_wanted="e-mail, email, mail, courriel, adresse mail, adresse e-mail, adresse électronique",
    address_wanted="adresse, domicile, où habitez-vous, où vous habitez, rue, adresse postale, adresse de livraison",
    birth_wanted="date de naissance, né, née, anniversaire, naissance",
    lengths="un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize",
    digit_nouns="chiffres, derniers chiffres, premiers chiffres, numéros, lettres, caractères",
    card="carte bancaire, carte bleue, carte de crédit, carte de paiement, numéro de carte, numéro de votre carte",
    quantities="combien, à quelle heure, quelle heure, quel jour, quelle date, quand, quel âge, prix, étage, taille",
    digits="zéro un deux trois quatre cinq six sept huit neuf",
    tens="""
    dix onze douze treize quatorze quinze seize dix-sept dix-huit dix-neuf vingt trente quarante cinquante soixante
    soixante-dix septante quatre-vingt quatre-vingts quatre-vingt-dix nonante octante huitante cent cents mille double
    vingt-et-un vingt-deux vingt-trois vingt-quatre vingt-cinq vingt-six vingt-sept vingt-huit vingt-neuf trente-deux
    trente-trois trente-quatre trente-cinq trente-six trente-sept trente-huit trente-neuf quarante-deux quarante-trois
    quarante-quatre quarante-cinq quarante-six quarante-sept quarante-huit quarante-neuf cinquante-deux
    cinquante-trois cinquante-quatre cinquante-cinq cinquante-six cinquante-sept cinquante-huit cinquante-neuf
    soixante-deux soixante-trois soixante-quatre soixante-cinq soixante-six soixante-sept soixante-huit soixante-neuf
    soixante-douze soixante-treize soixante-quatorze soixante-quinze soixante-seize soixante-dix-sept
    soixante-dix-huit soixante-dix-neuf quatre-vingt-un quatre-vingt-deux quatre-vingt-trois quatre-vingt-quatre
    quatre-vingt-cinq quatre-vingt-six quatre-vingt-sept quatre-vingt-huit quatre-vingt-neuf quatre-vingt-onze
    quatre-vingt-douze quatre-vingt-treize quatre-vingt-quatorze quatre-vingt-quinze quatre-vingt-seize
    quatre-vingt-dix-sept quatre-vingt-dix-huit quatre-vingt-dix-neuf
    """,
    at="arobase, arrobase, at",
    dot="point, tiret bas, underscore, tiret, tiret du bas",
    spells_like="comme de",
    months="janvier, février, mars, avril, mai, juin, juillet, août, septembre, octobre, novembre, décembre",
    address_begins="""
    mon adresse est, mon adresse c'est, l'adresse est, l'adresse c'est, j'habite, j'habite au, nous habitons,
    envoyez-le
    """,
)
