"""The words of Spanish."""

from typing import Final

from orchestra.language.call_screening import ScreeningPatterns
from orchestra.language.plain_text import SignNames
from orchestra.language.port import Phrases
from orchestra.language.sentence_splitter import SentenceEnds
from orchestra.language.spanish.utterances import UTTERANCE_WORDS
from orchestra.language.vocabulary import Vocabulary

VOCABULARY: Final = Vocabulary(
    code="es",
    name="Spanish",
    phrases=Phrases(
        apology="Disculpe, ha habido un problema por mi parte. ¿Podría repetirlo, por favor?",
        holding="Un momento, por favor.",
        bridges=("Un momento.", "Déjeme ver.", "Un segundo.", "Muy bien, un momento."),
        still_there="¿Sigue ahí?",
        transfer_failed="Lo siento, ahora mismo nadie puede atender su llamada. ¿Puedo ayudarle en algo más?",
        handed_back="Vuelve a hablar con nuestro asistente. ¿Puedo ayudarle en algo más?",
        not_recorded="De acuerdo, esta llamada no se graba.",
        farewell="Gracias por su llamada. Adiós.",
        transferring="Le paso ahora con una persona.",
        passing_on="Le paso ahora mismo.",
        incoming_transfer="Una llamada de {app}. {briefing}",
        line_is_closed="La línea está cerrada.",
        not_understood="No se ha entendido lo que la persona ha respondido a la pregunta: {question}",
        accept_transfer="Pulse {key} para atenderla.",
        unknown_line="El número al que ha llamado no está en servicio. Adiós.",
        closed="En este momento estamos cerrados. Por favor, llame de nuevo en nuestro horario de atención. Adiós.",
        confirmation="Para confirmar: {what}{details}. ¿Quiere que lo haga?",
    ),
    signs=SignNames(star="estrella", stars="estrellas", times="por", key="asterisco"),
    tool_examples={
        "end_call": ("adiós", "hasta luego", "eso es todo, gracias", "nada más, gracias", "ya puede colgar"),
        "transfer_call": (
            "con una persona, por favor",
            "quiero hablar con un agente",
            "¿puedo hablar con alguien?",
            "páseme con un operador",
        ),
    },
    yes="""
    sí, si por favor, sí por favor, claro, claro que sí, por supuesto, correcto, exacto, exactamente, así es, eso es,
    desde luego, efectivamente, de acuerdo, confirmo, lo confirmo, adelante, sin duda, afirmativo, cómo no, eso mismo,
    sin problema, no hay problema, ningún problema
    """,
    may_say_yes="""
    si, vale, está bien, ok, okay, bien, muy bien, perfecto, bueno, genial, estupendo, dale, venga, hágalo, ándale,
    sale, me parece bien, por favor, suena bien, listo, de una, órale
    """,
    no="""
    no, nunca, tampoco, nada, espere, espera, un momento, para, pare, cancele, cancela, cancelar, mejor, pero, en
    realidad, otro, otra, otros, otras, cambiar, cambie, cambio, incorrecto, equivocado, mal, quizás, quizá, tal vez,
    a lo mejor, no sé, ni, todavía, aún, en vez, en lugar, negativo
    """,
    beside_yes="""
    a, ah, el, la, lo, los, las, eso, ese, esa, este, esta, y, de, que, es, está, me, le, se, muchas gracias, gracias,
    todo, pues, hombre, señor, señora, señorita, sí señor, usted, puede, hacerlo, haga, hacer, muy, amable, así, ya,
    eh, entonces, ahora, mismo, favor, quiero, quisiera, también, así está, está correcto
    """,
    backchannels="""
    sí, si, ya, ya ya, ya veo, claro, claro que sí, vale, bueno, bien, muy bien, perfecto, de acuerdo, entiendo, lo
    entiendo, ya entiendo, entendido, comprendo, ajá, aja, exacto, exactamente, correcto, eso, eso es, así es, cierto,
    es cierto, es verdad, verdad, por supuesto, desde luego, genial, estupendo, fenomenal, qué bien, sí claro, listo,
    dale, ándale, órale, sale, ah ya, okey, claro claro, mira, vaya
    """,
    fragments="y, o, el, la, los, las, de, en, un, una, que",
    stop_words="""
    a al algo algún alguna algunas alguno algunos ante aquel aquella aquello aquí así aunque ay bien bueno buenas
    buenos cada como cómo con cual cuál cuales cuáles cualquier cuando cuándo cuánto cuánta cuántos cuántas de del
    desde donde dónde días dos él el ella ellas ello ellos en entonces entre era eran eres es esa esas ese eso esos
    esta está estaba estado estamos están estar estas este esté esto estos estoy favor fue fueron gracias ha haber
    había habla hablo hace hacen hacer hago han has hasta hay he hemos hola hoy iba ir la las le les lo los luego más
    me mi mí mis mucho muchas muy nada ni no nos nosotros nuestra nuestras nuestro nuestros o os otra otro para pero
    poco poder podría por porque pues puede pueden puedo que qué querer quería quiere quiero quisiera quien quién sabe
    saber se sé sea según ser si sí sido sin sobre sois solo sólo son soy su sus también tampoco tan tanto te tener
    tengo ti tiene tienen todo toda todos todas tu tú tus un una unas uno unos usted ustedes va vale vamos van ver vez
    voy y ya yo
    """,
    vague="""
    noche mañana tarde fin semana hoy ayer mes año día hora minuto momento tiempo último próximo siguiente primero
    pedido número venir nuevo viejo grande pequeño forma manera
    """,
    polite="""
    hola, buenas, buenos días, buenas tardes, buenas noches, por favor, gracias, muchas gracias, bueno, pues, eh,
    este, oh, ah, vale, sí, y, ahora, oiga, oye, mire, mira, perdone, disculpe, a ver, ok
    """,
    flags=("sí", "no"),
    conjunction="y",
    greetings="""
    hola diga dígame digame sí si aló alo bueno buenas buenos días tardes noches mande quién quien es habla oigo al
    habla soy yo
    """,
    screening=ScreeningPatterns(
        takes_message=(
            r"\b(?:deje|deja|dejar|dejarnos|grabe|graba|grabar) (?:\w+ )?(?:su|tu|un|el) (?:\w+ )?mensaje"
            r"|\b(?:después|tras|al oír) (?:de )?(?:la señal|el tono|el pitido)|\bbuzón de voz\b|\bcontestador"
        ),
        asks=(
            r"\b(?:grabe|graba|diga|di|indique|indica|registre|registra) (?:su|tu) nombre\b.{0,40}\b(?:motivo|razón"
            r"|por qué|asunto)"
            r"|\bservicio de filtrado|\bfiltr(?:o|ado|ando) (?:de |las )?llamadas|\bla persona a la que (?:llama"
            r"|está llamando)"
            r"|\bver(?:é|emos)? si (?:esta|la) persona está disponible|\bantes de (?:conectar|pasar|comunicar)(?:le"
            r"|te|lo)\b"
        ),
        asks_on=(
            r"\bes urgente|\bde parte de quién|\bquién (?:llama|es|habla)|\bde qué se trata|\bcuál es el motivo"
            r"|\b(?:su|tu) nombre\b|\bno (?:le |te )?(?:he )?(?:entiendo|entendido|oigo|oído)|\b(?:repita|repetir"
            r"|repítalo)\b"
        ),
        declines=(
            r"\bno (?:\w+ )?(?:está|estoy) disponible|\bno (?:\w+ )?pued(?:o|e) (?:\w+ )?(?:hablar|atender|contestar"
            r"|responder|ponerse)"
            r"|\bno (?:me |le )?interesa|\b(?:elimine|borre|quite) (?:este|mi|el) número|\bno (?:vuelva a )?llam(?:e"
            r"|ar)\b"
            r"|\ble (?:devolv\w+ la llamada|llam(?:o|aré|ará) (?:luego|más tarde|después))|\bllame (?:más tarde"
            r"|luego)|\badiós\b"
            r"|\benvíe(?:me|le)? un mensaje"
        ),
        waits=(
            r"\b(?:permanezca|manténgase|siga|no se retire|espere)\b|\bno cuelgue|\bun (?:momento|segundo|instante)\b"
            r"|\b(?:le|te) (?:paso|comunico|conecto)\b|\bvoy a (?:ver|preguntar|comprobar)|^(?:muchas )?gracias$"
        ),
    ),
    sentence_ends=SentenceEnds(
        """
        sr, sra, srta, sres, d, dña, dr, dra, prof, lic, ing, ud, uds, vd, vds, núm, nº, n.º, nro, tel, tfno, avda,
        av, ee, c/, pza, pl, ej, p. ej, p.ej, aprox, pág, págs, dpto, dto, izq, dcha, art, esq, sto, sta, st, gral, máx,
        mín, incl, c
        """,
        may_end="h, a.m, p.m, a. m, p. m, ee.uu, ee. uu, etc, s.a, s. a, s.l, s. l, cía",
        after_day=r"(?:de )?(?:enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|setiembre|octubre|noviembre"
        r"|diciembre)\b",
    ),
    utterance=UTTERANCE_WORDS,
)
