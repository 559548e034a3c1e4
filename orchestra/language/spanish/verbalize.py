"""Spanish as it is read out: ``21 días`` → ``veintiún días``, ``14:30`` → ``catorce y treinta``, ``12,50 €``."""
# ruff: noqa: E501 - tables and patterns have one entry a line

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from orchestra.language.reading.notation import Notation
from orchestra.language.reading.number_words import number_words
from orchestra.language.reading.reader import make_reader
from orchestra.language.reading.rules import Cents, Clock, Currency, Dates, Rules

_FEMININE: Final = re.compile(
    r".*(?:a|as|[cst]i[oó]n(?:es)?|dad(?:es)?|tud(?:es)?|noches?|vez|veces|calles?|llaves?|tardes?|partes?|clases?|redes|leyes|luces)",
    re.IGNORECASE,
)
_MASCULINE: Final = re.compile(r"(?:d[ií]as?|.*[eg]ramas?|.*[et]mas?|.*blemas?|mapas?|idiomas?)", re.IGNORECASE)
_NOON: Final = 12


def _tidy(words: str, _: int) -> str:
    words = re.sub(r"veintiuno (?=mil|billones)", "veintiún ", words)
    return re.sub(r"\buno (?=mil|billones)", "un ", words)


def _agree(words: str, number: int, noun: str) -> str | None:
    if not noun or (number != 1 and not noun.endswith("s")):
        return words
    if _FEMININE.fullmatch(noun) and not _MASCULINE.fullmatch(noun):
        return re.sub(r"(cient|quinient)os\b(?! mill)", r"\1as", re.sub(r"uno$", "una", words))
    return re.sub(r"uno$", "un", words.replace("veintiuno", "veintiún")) if words.endswith("uno") else words


def _hour(hour: int) -> str:
    said = number_words("es", hour)
    return re.sub(r"uno$", "una", said)


def _time(hour: int, minute: int, before: str, half: str) -> str:
    begin = f"{before} " if before else ""
    said = _hour(hour)
    if half:
        minutes = f" y {number_words('es', minute)}" if minute else ""
        return f"{begin}{said}{minutes} {half} eme"
    if hour == 0:
        minutes = f" y {number_words('es', minute)} minutos" if minute else ""
        return f"{begin}cero horas{minutes}"
    if minute:
        return f"{begin}{said} y {number_words('es', minute)}"
    return f"{begin}{said}" if hour == 1 or (before and hour <= _NOON) else f"{begin}{said} horas"


def _day(day: int, _: str) -> str:
    return "primero" if day == 1 else number_words("es", day)


#: num2words has no other forms for eleventh and twelfth
_ORDINALS: Final = {11: "undécimo", 12: "duodécimo"}


def _ordinal(number: int, written: str) -> str | None:
    if not 1 <= number <= 100:  # noqa: PLR2004
        return None
    said: str = _ORDINALS.get(number) or number_words("es", number, "ordinal")
    if written.endswith(("ª", "a")):
        return re.sub(r"o\b", "a", said)
    return re.sub(r"(primer|tercer)o$", r"\1", said) if written.endswith("er") else said


_EURO: Final = Currency("euro", "euros", "céntimo", "céntimos")
_RULES: Final = Rules(
    locale="es",
    numerals="es",
    # Spain writes 1.234,50, Mexico 1,234.50
    notation=Notation(comma_decimals=False),
    digits="cero uno dos tres cuatro cinco seis siete ocho nueve",
    point="coma",
    minus="menos",
    plus="más",
    percent="por ciento",
    number="número",
    per="por",
    also="y",
    to="a",
    tidy=_tidy,
    agree=_agree,
    scales={
        "millón de": ("millón de", "millones de"),
        "millones de": ("millón de", "millones de"),
        "mil millones de": ("mil millones de", "mil millones de"),
        "mil": ("mil", "mil"),
    },
    millions=lambda millions, many: f"{millions} de {many}",
    currencies={
        "EUR": _EURO,
        "USD": Currency("dólar", "dólares", "centavo", "centavos"),
        "MXN": Currency("peso", "pesos", "centavo", "centavos"),
        "ARS": Currency("peso", "pesos", "centavo", "centavos"),
        "GBP": Currency("libra", "libras", "penique", "peniques"),
        "BRL": Currency("real", "reales", "centavo", "centavos"),
    },
    # in Spain a dollar, in most of America a peso
    dollars="",
    cents=Cents(many="{units} con {named}", few="{units} con {named}"),
    units={
        "kg": ("kilo", "kilos"),
        "°C": ("grado", "grados"),
        "h": ("hora", "horas"),
        "km/h": ("kilómetro por hora", "kilómetros por hora"),
    },
    clock=Clock(
        hours=r"(?:h(?:rs?)?\b\.?|horas)",
        inside=":",
        with_word=r"\.|h",
        before=r"(?i:de las|a las|las|a la|la|de|a)",
        say=_time,
        span=("de las", "a las"),
    ),
    dates=Dates(
        mark=r"\.?º|\.?°|ro|er",
        joint=" de ",
        before=r"(?i:el|del|al|día|hasta el|desde el)",
        say_day=_day,
        year_words=r"en|de|del|desde|hasta|año|el año|entre|y",
        short="/",
    ),
    periods=r"(?:mes|día|año|hora|semana|persona|noche|kg|km|litro|unidad|minuto)\b",
    naming=(
        r"pedidos?|paquetes?|vuelos?|habitaci[oó]n|piso|puerta|sala|n[uú]mero|n\.?[º°]|c[oó]digos?|facturas?|reservas?|cliente"
        r"|referencia|tren|autob[uú]s|l[ií]nea|cuenta|tarjeta|expediente|tique?t|contrato|p[oó]liza|extensi[oó]n|apartamento"
        r"|departamento|oficina|env[ií]o|folio|art[ií]culo"
    ),
    counted=(
        r"euros?|d[oó]lares|d[oó]lar|pesos?|c[eé]ntimos?|centavos?|libras?|por ciento|mil|mill[oó]n|millones|metros?|kil[oó]metros?|kilos?"
        r"|gramos?|litros?|grados?|horas?|minutos?|segundos?|d[ií]as?|semanas?|mes|meses|años?|personas?|vez|veces|puntos?|noches?"
        r"|paquetes|unidades|habitantes|clientes|palabras|pasos|cajas|productos|artículos|plazas|kilómetros"
    ),
    calling=r"llam|marc|tel[eé]fono|emergencia",
    marks={
        "@": "arroba", ".": "punto", "_": "guion bajo", "-": "guion", "/": "barra", "?": "signo de interrogación", "=": "igual",
        "&": "y", "+": "más", "#": "almohadilla", "%": "por ciento", "~": "virgulilla", ":": "dos puntos",
    },
    abbreviations={
        r"\bp\.\s?ej\.,?": "por ejemplo",
        r"\bSr\.(?=\s?[A-ZÁÉÍÓÚÑ])": "señor",
        r"\bSra\.(?=\s?[A-ZÁÉÍÓÚÑ])": "señora",
        r"\bSrta\.(?=\s?[A-ZÁÉÍÓÚÑ])": "señorita",
        r"\bDr\.(?=\s?[A-ZÁÉÍÓÚÑ])": "doctor",
        r"\bDra\.(?=\s?[A-ZÁÉÍÓÚÑ])": "doctora",
        r"\bD\.(?=\s[A-ZÁÉÍÓÚÑ][a-z])": "don",
        r"\bD\.ª(?=\s?[A-Z])": "doña",
        r"\bUd\.": "usted",
        r"\bUds\.": "ustedes",
        r"\bAvda?\.(?=\s?\w)": "avenida",
        r"\b[Cc]/\s?(?=[A-ZÁÉÍÓÚ])": "calle ",
        r"\bn\.?[º°]\s?(?=[0-9])": "número ",
        r"\bN\.?[º°]\s?(?=[0-9])": "Número ",
        r"\bn\.?[º°](?=\sde\b)": "número",
        r"\b[Nn]úm\.\s?(?=[0-9])": "número ",
        r"\baprox\.(?=\s\S)": "aproximadamente",
        r"\b[Tt]el\.(?=:?\s?\S)": "teléfono",
        r"\bmáx\.(?=\s\S)": "máximo",
        r"\bmín\.(?=\s\S)": "mínimo",
        r"\betc\.(?=,?\s\S)": "etcétera",
        r"\betc\.\Z": "etcétera.",
        r"\bsiglo XXI\b": "siglo veintiuno",
        r"\bsiglo XX\b": "siglo veinte",
        r"\bsiglo XIX\b": "siglo diecinueve",
        r"\bs/n\b": "sin número",
    },
    ordinals={
        r"(?<![\w.,:/-])(?P<number>[13])\.?º(?= [a-záéíóúñ]{2,})": lambda number, _: _ordinal(number, "er"),
        r"(?<![\w.,:/-])(?P<number>[0-9]{1,3})\.?[ºª](?!\w)": _ordinal,
        r"(?<![\w.,:/-])(?P<number>[13])\.?er(?!\w)": _ordinal,
        r"(?<![\w.,:/-])(?P<number>[0-9])(?:r[oa]|d[oa]|t[oa]|m[oa]|v[oa]|n[oa])(?!\w)": _ordinal,
    },
    halves={"1/2": "{} {noun} y medi{o}", "1/4": "{} {noun} y cuarto", "3/4": "{} {noun} y tres cuartos"},
    days=(r"[Ll]un|L", r"[Mm]ar|M", r"[Mm]i[eé]|X", r"[Jj]ue|J", r"[Vv]ie|V", r"[Ss][aá]b|S", r"[Dd]om|D"),
    day_span="de {first} a {last}",
    keys=("asterisco", "almohadilla"),
)  # fmt: skip
#: Mexico, Central America but for Costa Rica, Dominican Republic, Puerto Rico, Peru, United States
_COMMAS: Final = frozenset({"MX", "GT", "HN", "NI", "SV", "PA", "DO", "PR", "PE", "US"})
_DOLLARS: Final = {
    "ES": "USD", "US": "USD", "PR": "USD", "EC": "USD", "SV": "USD", "PA": "USD",
    "MX": "MXN", "AR": "ARS", "CL": "CLP", "CO": "COP",
}  # fmt: skip


def reader(region: str) -> Callable[[str], str]:
    """Make the function that reads sentences out as in this region, by ISO 3166; empty: as far as all regions agree."""
    rules = replace(_RULES, dollars=_DOLLARS.get(region, ""))
    if region in _COMMAS:
        rules = replace(
            rules, notation=Notation(point_groups=False, comma_groups=True, comma_decimals=False), point="punto"
        )
    return make_reader(rules)
