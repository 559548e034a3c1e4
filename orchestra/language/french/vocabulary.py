"""The words of French."""

from typing import Final

from orchestra.language.call_screening import ScreeningPatterns
from orchestra.language.french.utterances import UTTERANCE_WORDS
from orchestra.language.plain_text import SignNames
from orchestra.language.port import Phrases
from orchestra.language.sentence_splitter import SentenceEnds
from orchestra.language.vocabulary import Vocabulary

VOCABULARY: Final = Vocabulary(
    code="fr",
    name="French",
    phrases=Phrases(
        apology="Excusez-moi, j'ai rencontré un problème. Pourriez-vous répéter, s'il vous plaît ?",
        holding="Un instant, s'il vous plaît.",
        bridges=("Un instant.", "Je regarde.", "Une petite seconde.", "Très bien, un instant."),
        still_there="Êtes-vous toujours là ?",
        transfer_failed=(
            "Je suis désolé, personne ne peut prendre votre appel pour le moment. Que puis-je faire d'autre pour vous ?"
        ),
        handed_back="Vous êtes de nouveau avec notre assistant. Que puis-je faire d'autre pour vous ?",
        not_recorded="Très bien, cet appel n'est pas enregistré.",
        farewell="Merci de votre appel. Au revoir.",
        transferring="Je vous mets en relation avec un conseiller.",
        passing_on="Je vous mets en relation.",
        incoming_transfer="Un appel de {app}. {briefing}",
        line_is_closed="La ligne est fermée.",
        not_understood="La personne n'a pas été comprise quand on lui a demandé : {question}",
        accept_transfer="Appuyez sur {key} pour le prendre.",
        unknown_line="Le numéro que vous avez composé n'est pas en service. Au revoir.",
        closed=("Nous sommes actuellement fermés. Veuillez rappeler pendant nos heures d'ouverture. Au revoir."),
        confirmation="Juste pour confirmer : {what}{details}. Est-ce que je le fais ?",
    ),
    signs=SignNames(star="étoile", stars="étoiles", times="fois"),
    tool_examples={
        "end_call": (
            "au revoir",
            "bonne journée",
            "c'est tout, merci",
            "non merci, ce sera tout",
            "vous pouvez raccrocher",
        ),
        "transfer_call": (
            "un conseiller, s'il vous plaît",
            "je voudrais parler à quelqu'un",
            "puis-je parler à une vraie personne",
            "passez-moi un humain",
        ),
    },
    yes="""
    oui, ouais, oui oui, mais oui, bien sûr, bien sûr que oui, exact, exactement, exactement ça, c'est ça, c'est bien
    ça, c'est exact, c'est correct, correct, tout à fait, absolument, d'accord, je suis d'accord, c'est d'accord,
    certainement, évidemment, volontiers, avec plaisir, allez-y, allez y, vas-y, je confirme, sans problème, pas de
    problème, pas de souci, aucun problème, sans souci, effectivement, en effet, affirmatif, si si, carrément
    """,
    may_say_yes="""
    ok, okay, si, bien, très bien, parfait, ça marche, ça me va, ça va, c'est bon, c'est bien, entendu, super, génial,
    bon, s'il vous plaît, s'il te plaît, juste, c'est parfait, nickel, impeccable, pourquoi pas, ça me convient,
    faites
    """,
    no="""
    non, nan, pas, jamais, ne, n'est, aucun, aucune, attendez, attends, stop, arrêtez, annulez, annuler, plutôt, mais,
    en fait, finalement, autre, autres, changer, changez, faux, incorrect, erreur, peut-être, peut être, je ne sais
    pas, sais pas, pas du tout, pas encore, surtout pas, pas d'accord, au lieu
    """,
    beside_yes="""
    ah, alors, à, c'est, ce, ça, cela, de, donc, du, eh, eh bien, ben, elle, est, et, euh, faire, faites-le, faites
    le, il, j'aimerais, je, je veux, je veux bien, je voudrais, l', la, le, les, merci, merci beaucoup, bien merci,
    moi, monsieur, madame, mademoiselle, pour, que, s'il, sera, tout, un, une, veux, vous, vous pouvez, y, très,
    pouvez, le faire, hein
    """,
    backchannels="""
    oui, oui oui, ouais, mouais, d'accord, ok, okay, bien, très bien, bien sûr, exact, exactement, c'est ça, tout à
    fait, absolument, effectivement, en effet, je vois, ah je vois, je comprends, j'ai compris, compris, je sais,
    entendu, parfait, super, génial, ah bon, ah oui, ah d'accord, bon, c'est vrai, c'est bien, c'est bon, ça marche,
    cool, ah ouais, certes, évidemment, voilà, tiens, hum, hein, okay d'accord, je vois je vois, très bien très bien,
    impeccable, top
    """,
    fragments="et, le, la, les, de, des, un, une, à, en, que",
    pardons="hein, quoi, comment",
    no_sounds="",
    stop_words="""
    a à ai ainsi alors après as au aucun aucune aussi autre autres aux avec avez avoir avons bah beaucoup ben bien bon
    bonjour bonsoir c ça car ce ceci cela celle celles celui ces cet cette ceux chaque chez ci comme comment d dans de
    depuis des deux devez devoir dire dis dit dois doit donc du elle elles en encore entre es est et étaient étais
    était être eu eux fait faire faites faut font ici il ils j je jusque l la là le les leur leurs lui m ma mais me
    même merci mes moi mon n ne ni non nos notre nous on ont ou où oui par parce pas peu peut peux plus pour pourquoi
    pourrait pourrais pourriez pouvez pouvoir puis puis-je qu quand que quel quelle quelles quelque quelques quelqu
    quels qui quoi s sa sais sans savoir se sera serait ses si sinon soit son sont sous suis sur t ta te tes toi ton
    tous tout toute toutes très tu un une va vais vers veut veuillez veux voici voilà voir vont vos votre voudrais
    voudrait voulez voulais vous vraiment y s'il plaît est-ce c'est j'ai qu'est-ce n'est d'un d'une j'aimerais qu'il
    qu'elle l'on
    """,
    vague="""
    nuit matin soir après-midi week-end aujourd'hui hier demain semaine mois an année jour heure minute temps dernier
    prochain suivant premier commande numéro venir nouveau vieux grand petit bon façon
    """,
    polite="""
    bonjour, bonsoir, allô, salut, s'il vous plaît, s'il te plaît, merci, merci beaucoup, merci bien, alors, ben, eh
    bien, bon, euh, oh, ah, oui, d'accord, ok, et, maintenant, excusez-moi, pardon, voilà, donc
    """,
    flags=("oui", "non"),
    conjunction="et",
    greetings="allô allo oui bonjour bonsoir j'écoute écoute je vous qui est à l'appareil c'est moi ouais salut",
    screening=ScreeningPatterns(
        takes_message=(
            r"\blaiss\w+ (?:\w+[ -])?(?:un|votre|ton) message|\baprès le (?:bip|signal|signal sonore|top)\b"
            r"|\bmessagerie\b|\brépondeur\b"
            r"|\bboîte vocale"
        ),
        asks=(
            r"\b(?:enregistr\w+|indiqu\w+|dites|donn\w+|énonc\w+) (?:\w+ )?(?:votre|ton) nom\b.{0,40}\b(?:motif"
            r"|raison|pourquoi|objet)"
            r"|\bfiltrage (?:des |d')?appels?|\bappels? (?:est|sont) filtrés?|\bsi cette personne est disponible"
            r"|\bla personne que vous (?:appelez|cherchez à joindre|essayez de joindre)"
            r"|\bavant de vous (?:mettre en relation|connecter|passer)"
        ),
        asks_on=(
            r"\bc'est urgent|\best ce urgent|\bqui (?:est à l'appareil|appelle|êtes vous|est ce)|\bde la part de qui"
            r"|\bc'est à quel sujet|\bà quel sujet|\bde quoi s'agit il|\bvotre nom\b|\b(?:pas"
            r"|mal) (?:bien )?(?:compris|entendu)|\brépét"
        ),
        declines=(
            r"\bpas (?:\w+ )?disponible|\bindisponible|\bne (?:peux|peut|puis) pas (?:\w+ )?(?:parler|répondre|prendre)"
            r"|\bpas intéressée?|\b(?:supprimez|retirez|effacez|enlevez) (?:ce|mon|le) numéro|\bne (?:me "
            r"|nous )?(?:r?appelez) plus"
            r"|\b(?:je|on) vous rappelle|\brappelez (?:\w+ )?plus tard|\benvoyez (?:moi )?un message|\bau revoir\b"
        ),
        waits=(
            r"\bne quittez pas|\brestez (?:en ligne|\w+ en ligne)|\bpatientez|\b(?:un|une) (?:instant|moment|seconde"
            r"|minute)\b"
            r"|\bje vous (?:passe|mets en relation)|\bje (?:vais voir|regarde|demande|vérifie)|^merci(?: beaucoup"
            r"| bien)?$"
        ),
    ),
    sentence_ends=SentenceEnds(
        """
        m, mm, mme, mmes, mlle, mlles, dr, drs, pr, prof, me, mgr, st, ste, av, bd, boul, bld, tél, tel, n°, no, ex,
        p. ex, p.ex, env, art, chap, fig, vol, réf, ref, apr, av, cf, c.-à-d, éd, hab, janv, févr, juil, sept, oct,
        nov, déc, max, min, bât, app, appt, rdv, i.e
        """,
        may_end="h, etc, s.a, s.a.r.l, j.-c, a.m, p.m",
        after_day=r"(?:janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre)\b",
    ),
    utterance=UTTERANCE_WORDS,
)
