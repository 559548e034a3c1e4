"""Values as they are said in Spanish."""

from typing import Final

from orchestra.language.values.below_hundred import below_hundred
from orchestra.language.values.port import CapturePhrases, ValueWords, listed, numbered

VALUES: Final = ValueWords(
    code="es",
    phrases=CapturePhrases(
        questions={
            "number": "¿Qué número es?",
            "digits": "¿Qué número es, cifra por cifra?",
            "name": "¿Cómo se llama usted?",
            "email": "¿Cuál es su correo electrónico?",
            "phone": "¿Cuál es su número de teléfono?",
            "date": "¿Qué fecha es?",
            "address": "¿Cuál es su dirección, con el código postal?",
            "yesno": "¿Sí o no?",
            "choice": "¿Cuál prefiere: {value}?",
        },
        right="{value}. ¿Es correcto?",
        again="Perdone, no le he entendido. {question}",
        wrong="Disculpe. {question}",
        invalid="Eso no parece correcto. {question}",
        go_on="{value}. Siga, por favor.",
        spell="¿Me lo puede deletrear, letra por letra?",
        keys="Por favor, márquelo en el teclado de su teléfono y pulse almohadilla al final.",
        or_="o",
    ),
    numbers=below_hundred("es", ("y",)) | {"un": 1, "una": 1, "veintiun": 21, "veintiuna": 21},
    hundreds={
        "cien": 100,
        "ciento": 100,
        "doscientos": 200,
        "doscientas": 200,
        "trescientos": 300,
        "trescientas": 300,
        "cuatrocientos": 400,
        "cuatrocientas": 400,
        "quinientos": 500,
        "quinientas": 500,
        "seiscientos": 600,
        "seiscientas": 600,
        "setecientos": 700,
        "setecientas": 700,
        "ochocientos": 800,
        "ochocientas": 800,
        "novecientos": 900,
        "novecientas": 900,
    },
    thousands=frozenset({"mil"}),
    millions=frozenset({"millon", "millones"}),
    joins=frozenset({"y"}),
    times={"doble": 2, "triple": 3},
    point=frozenset({"coma", "punto"}),
    minus=frozenset({"menos"}),
    half=frozenset({"y medio", "y media"}),
    yes=listed("""
    si, claro, correcto, exacto, exactamente, vale, de acuerdo, por supuesto, perfecto, asi es, eso es, efectivamente,
    esta bien, bueno, ok, okay, desde luego, adelante, no hay problema, no pasa nada
    """),
    no=listed("no, nunca, incorrecto, para nada, no es, no esta bien, negativo, mejor no, esta mal, no es correcto"),
    but=frozenset({"pero", "salvo", "excepto"}),
    idioms=listed("un momento, un segundo, una cosa, una pregunta, un minuto"),
    unwilling=listed("""
    no lo se, no se, no lo tengo, no tengo, no me acuerdo, prefiero no, no quiero, ni idea, una persona, un agente,
    un operador, para que lo quiere, por que lo necesita, no se lo voy a decir, olvidelo, cancelar
    """),
    negations=frozenset({"no"}),
    first=frozenset({"primero", "primera", "primeros", "primeras", "primer", "principio", "empieza"}),
    last=frozenset({"ultimo", "ultima", "ultimos", "ultimas", "final", "termina", "acaba"}),
    ordinals=numbered("""
    primero/primera/primer, segundo/segunda, tercero/tercera/tercer, cuarto/cuarta, quinto/quinta, sexto/sexta,
    septimo/septima, octavo/octava, noveno/novena, decimo/decima
    """),
    months=numbered("""
    enero, febrero, marzo, abril, mayo, junio, julio, agosto, septiembre/setiembre, octubre, noviembre, diciembre
    """),
    weekdays=numbered("lunes, martes, miercoles, jueves, viernes, sabado, domingo", 0),
    days={"hoy": 0, "manana": 1, "pasado manana": 2, "ayer": -1, "anteayer": -2, "antes de ayer": -2},
    within=frozenset({"en", "dentro de"}),
    units={"dia": 1, "dias": 1, "semana": 7, "semanas": 7, "mes": 30, "meses": 30},
    next=frozenset({"proximo", "que viene"}),
    at=("arroba",),
    signs={
        "punto": ".",
        "guion bajo": "_",
        "guion": "-",
        "subrayado": "_",
        "mas": "+",
    },
    introduces=listed("es, son, soy, me llamo, se llama, mi nombre es, correo, a nombre de, vivo en, seria"),
    fillers=listed("""
    eh, em, pues, si, no, vale, por, favor, bueno, mi, el, la, nombre, apellido, perdon, todo, junto, minusculas, con,
    gracias, a, ver, direccion, electronico, de
    """),
    as_in=listed("de, como, como en"),
    letters={
        "be": "b",
        "ce": "c",
        "de": "d",
        "efe": "f",
        "ge": "g",
        "hache": "h",
        "jota": "j",
        "ka": "k",
        "ele": "l",
        "eme": "m",
        "ene": "n",
        "pe": "p",
        "cu": "q",
        "erre": "r",
        "ese": "s",
        "te": "t",
        "uve": "v",
        "ve": "v",
        "equis": "x",
        "zeta": "z",
        "i griega": "y",
    },
)
