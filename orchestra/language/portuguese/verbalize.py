"""Portuguese as it is read out: ``às 14h30`` → ``às catorze e trinta``, ``2 horas`` → ``duas horas``, ``R$ 12,50``."""
# ruff: noqa: E501 - tables and patterns have one entry a line

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from orchestra.language.reading.number_words import number_words
from orchestra.language.reading.reader import make_reader
from orchestra.language.reading.rules import Cents, Clock, Currency, Dates, Rules

_FEMININE: Final = re.compile(
    r"(?:.*(?:a|as|ção|ções|são|sões|dade|dades|gem|gens)|noites?|vez|vezes|tardes?|partes?|chaves?|mãos?|redes?|classes?)(?: .*)?",
    re.IGNORECASE,
)
_MASCULINE: Final = re.compile(
    r"(?:dias?|.*gramas?|.*emas?|.*omas?|mapas?|idiomas?|clientes?|problemas?)(?: .*)?", re.IGNORECASE
)
#: nouns with other endings that are masculine for sure
_OTHERS: Final = re.compile(r".*(?:o|os|s|l|is|r|res|m|ns|me|t)(?: .*)?", re.IGNORECASE)


def _tidy(words: str, _: int) -> str:
    return words.replace(",", "")


def _feminine(words: str) -> str:
    words = re.sub(r"dois(?!\w| mil[hõ])", "duas", re.sub(r"um(?=$)", "uma", words))
    return re.sub(r"(duz|trez|quatroc|quinh|seisc|setec|oitoc|novec)entos(?! milh)", r"\1entas", words)


def _agree(words: str, number: int, noun: str) -> str | None:
    if not noun or (number != 1 and not re.match(r".*s(?: .*)?$", noun)):
        return words
    if _FEMININE.fullmatch(noun) and not _MASCULINE.fullmatch(noun):
        return _feminine(words)
    if _MASCULINE.fullmatch(noun) or _OTHERS.fullmatch(noun) or not re.search(r"\b(?:um|dois|\w+entos)\b", words):
        return words
    return None


def _clock(language: str) -> Callable[[int, int, str, str], str]:
    def say(hour: int, minute: int, before: str, half: str) -> str:
        hours = _feminine(number_words(language, hour))
        minutes = f" e {number_words(language, minute)}" if minute else ""
        word = "" if half or (minute and before) else " hora" if hour < 2 else " horas"  # noqa: PLR2004
        if minute and word:
            minutes += " minuto" if minute == 1 else " minutos"
        return f"{before} {hours}{word}{minutes}{f' {half.upper()}M' if half else ''}".lstrip()

    return say


def _day(language: str) -> Callable[[int, str], str]:
    return lambda day, _: "primeiro" if day == 1 else number_words(language, day)


def _ordinal(number: int, written: str) -> str | None:
    if not 1 <= number <= 100:  # noqa: PLR2004
        return None
    said = number_words("pt", number, "ordinal")
    return re.sub(r"o\b", "a", said) if written.endswith("ª") else said


_RULES: Final = Rules(
    locale="pt",
    numerals="pt_BR",
    digits="zero um dois três quatro cinco seis sete oito nove",
    point="vírgula",
    minus="menos",
    plus="mais",
    percent="por cento",
    number="número",
    per="por",
    also="e",
    to="a",
    tidy=_tidy,
    agree=_agree,
    scales={
        "milhão de": ("milhão de", "milhões de"), "milhões de": ("milhão de", "milhões de"),
        "bilhão de": ("bilhão de", "bilhões de"), "bilhões de": ("bilhão de", "bilhões de"), "mil": ("mil", "mil"),
    },
    millions=lambda millions, many: f"{millions} de {many}",
    currencies={
        "EUR": Currency("euro", "euros", "cêntimo", "cêntimos"),
        "BRL": Currency("real", "reais", "centavo", "centavos"),
        "USD": Currency("dólar", "dólares", "centavo", "centavos"),
        "GBP": Currency("libra", "libras", "pêni", "pence"),
        "CHF": Currency("franco suíço", "francos suíços", "cêntimo", "cêntimos"),
    },
    cents=Cents(many="{units} e {named}", few="{units} e {named}"),
    units={"kg": ("quilo", "quilos"), "°C": ("grau", "graus"), "°": ("grau", "graus"), "km": ("quilômetro", "quilômetros")},
    clock=Clock(
        hours=r"(?:h|hs|horas?)",
        inside=r":|h",
        with_word=r"(?!)",
        before=r"(?i:às|as|das|até as|até às|à|a|pelas|desde as)",
        say=_clock("pt_BR"),
        span=("das", "às"),
    ),
    dates=Dates(
        mark="º|°|o",
        joint=" de ",
        before=r"(?i:dia|em|no dia|do dia|até|ao dia|o dia|até o dia)",
        say_day=_day("pt_BR"),
        year_words=r"em|de|desde|até|ano|o ano|entre|e",
        short="/",
    ),
    periods=r"(?:mês|dia|ano|hora|semana|pessoa|noite|kg|km|litro|unidade|minuto)\b",
    naming=(
        r"pedidos?|pacotes?|encomendas?|voos?|quarto|andar|porta|sala|número|n[º°]|códigos?|faturas?|reservas?|cliente|referência|trem|comboio"
        r"|ônibus|autocarro|linha|conta|cartão|processo|bilhete|contrato|apólice|ramal|apartamento|escritório|protocolo|CEP|artigo"
    ),
    counted=(
        r"euros?|reais|real|dólares|dólar|centavos?|cêntimos?|libras?|por cento|mil|milhão|milhões|metros?|quil[ôó]metros?|quilos?|gramas?"
        r"|litros?|graus?|horas?|minutos?|segundos?|dias?|semanas?|mês|meses|anos?|pessoas?|vezes|vez|pontos?|noites?|pacotes|habitantes"
        r"|clientes|palavras|passos|artigos|produtos|lugares|páginas|caixas|unidades|encomendas"
    ),
    calling=r"lig|disqu|telefon|emergência|marqu",
    marks={
        "@": "arroba", ".": "ponto", "_": "sublinhado", "-": "hífen", "/": "barra", "?": "ponto de interrogação", "=": "igual",
        "&": "e", "+": "mais", "#": "cerquilha", "%": "por cento", "~": "til", ":": "dois pontos",
    },
    abbreviations={
        r"\bp\.\s?ex\.": "por exemplo",
        r"\bSr\.(?=\s?[A-ZÀ-Ý])": "senhor",
        r"\bSra\.(?=\s?[A-ZÀ-Ý])": "senhora",
        r"\bDr\.(?=\s?[A-ZÀ-Ý])": "doutor",
        r"\bDra\.(?=\s?[A-ZÀ-Ý])": "doutora",
        r"\bProf\.(?=\s?[A-ZÀ-Ý])": "professor",
        r"\bAv\.(?=\s?[A-ZÀ-Ý])": "avenida",
        r"\bR\.(?=\s[A-ZÀ-Ý][a-zà-ÿ])": "rua",
        r"\bn\.?[º°]\s?(?=[0-9])": "número ",
        r"\bN\.?[º°]\s?(?=[0-9])": "Número ",
        r"\b[Tt]el\.(?=:?\s?\S)": "telefone",
        r"\baprox\.(?=\s\S)": "aproximadamente",
        r"\bmáx\.(?=\s\S)": "máximo",
        r"\bmín\.(?=\s\S)": "mínimo",
        r"\betc\.(?=,?\s\S)": "et cetera",
        r"\betc\.\Z": "et cetera.",
        r"\bséculo XXI\b": "século vinte e um",
        r"\bséculo XX\b": "século vinte",
        r"\bséculo XIX\b": "século dezenove",
        r"§\s?(?=[0-9])": "parágrafo ",
    },
    ordinals={r"(?<![\w.,:/-])(?P<number>[0-9]{1,3})\.?[ºª](?!\w)": _ordinal},
    halves={"1/2": "{} {noun} e mei{o}", "1/4": "{} {noun} e um quarto", "3/4": "{} {noun} e três quartos"},
    days=(r"[Ss]eg", r"[Tt]er", r"[Qq]ua", r"[Qq]ui", r"[Ss]ex", r"[Ss][áa]b", r"[Dd]om"),
    day_span="de {first} a {last}",
    keys=("asterisco", "cerquilha"),
)  # fmt: skip


def reader(region: str) -> Callable[[str], str]:
    """Make the function that reads sentences out as in this region, by ISO 3166; empty: Brazil."""
    if region in {"", "BR"}:
        return make_reader(_RULES)
    numerals = "pt"
    return make_reader(
        replace(
            _RULES,
            locale="pt",
            numerals=numerals,
            clock=_RULES.clock._replace(say=_clock(numerals)),
            dates=_RULES.dates._replace(say_day=_day(numerals)),
            units={**_RULES.units, "km": ("quilómetro", "quilómetros")},
            keys=("asterisco", "cardinal"),
        )
    )
