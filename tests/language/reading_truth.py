"""Sentences made by a grammar of numbers, times, dates and money, with what is said for them.

The number words are written down here once more, by hand, so that an error of num2words or of the rules shows.
"""
# ruff: noqa: E501 - tables and patterns have one entry a line

import random
from collections.abc import Callable, Iterator

Words = Callable[[int], str]
Line = tuple[str, str]

ENGLISH = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
ENGLISH_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
SPANISH = (
    "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete dieciocho diecinueve "
    "veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete veintiocho veintinueve"
)
SPANISH_TENS = "treinta cuarenta cincuenta sesenta setenta ochenta noventa"
SPANISH_HUNDREDS = (
    "ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos"
)
GERMAN = "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn"
GERMAN_TENS = "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig"
FRENCH = "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept dix-huit dix-neuf"
FRENCH_TENS = "vingt trente quarante cinquante soixante"
ITALIAN = (
    "zero uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici diciassette diciotto "
    "diciannove"
)
ITALIAN_TENS = "venti trenta quaranta cinquanta sessanta settanta ottanta novanta"
PORTUGUESE = "zero um dois três quatro cinco seis sete oito nove dez onze doze treze catorze quinze dezesseis dezessete dezoito dezenove"
PORTUGUESE_TENS = "vinte trinta quarenta cinquenta sessenta setenta oitenta noventa"
PORTUGUESE_HUNDREDS = "cento duzentos trezentos quatrocentos quinhentos seiscentos setecentos oitocentos novecentos"
DUTCH = "nul één twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien zestien zeventien achttien negentien"
DUTCH_TENS = "twintig dertig veertig vijftig zestig zeventig tachtig negentig"


def english(number: int) -> str:
    if number < 20:
        return ENGLISH.split()[number]
    if number < 100:
        tens = ENGLISH_TENS.split()[number // 10 - 2]
        return f"{tens}-{english(number % 10)}" if number % 10 else tens
    if number < 1000:
        rest = f" and {english(number % 100)}" if number % 100 else ""
        return f"{english(number // 100)} hundred{rest}"
    low = number % 1000
    return f"{english(number // 1000)} thousand" + (f"{' and' if low < 100 else ''} {english(low)}" if low else "")


def spanish(number: int) -> str:
    if number < 30:
        return SPANISH.split()[number]
    if number < 100:
        tens = SPANISH_TENS.split()[number // 10 - 3]
        return f"{tens} y {spanish(number % 10)}" if number % 10 else tens
    if number < 1000:
        if number == 100:
            return "cien"
        return f"{SPANISH_HUNDREDS.split()[number // 100 - 1]} {spanish(number % 100) if number % 100 else ''}".strip()
    high, low = divmod(number, 1000)
    thousands = "mil" if high == 1 else f"{spanish_before(high, 'miles')} mil"
    return f"{thousands} {spanish(low)}" if low else thousands


def spanish_before(number: int, noun: str) -> str:
    """As it stands before euros (masculine) or personas (feminine)."""
    said = spanish(number)
    if noun.endswith("as"):
        said = said.replace("cientos", "cientas").replace("quinientos", "quinientas")
        return f"{said[:-1]}a" if said.endswith("uno") else said
    if said.endswith("veintiuno"):
        return f"{said[:-3]}ún"
    return said[:-1] if said.endswith("uno") else said


def german(number: int) -> str:
    if number < 20:
        return GERMAN.split()[number]
    if number < 100:
        tens, unit = GERMAN_TENS.split()[number // 10 - 2], number % 10
        return f"{'ein' if unit == 1 else german(unit)}und{tens}" if unit else tens
    for size, name in ((1000, "tausend"), (100, "hundert")):
        if number >= size:
            high, low = divmod(number, size)
            count = german(high)
            return (count[:-1] if count.endswith("eins") else count) + name + (german(low) if low else "")
    raise AssertionError


def french(number: int) -> str:
    if number < 20:
        return FRENCH.split()[number]
    if number < 70:
        tens, unit = FRENCH_TENS.split()[number // 10 - 2], number % 10
        return tens if not unit else f"{tens} et un" if unit == 1 else f"{tens}-{french(unit)}"
    if number < 80:
        return "soixante et onze" if number == 71 else f"soixante-{french(number - 60)}"
    if number < 100:
        return "quatre-vingts" if number == 80 else f"quatre-vingt-{french(number - 80)}"
    if number < 1000:
        high, low = divmod(number, 100)
        hundred = "cent" if high == 1 else f"{french(high)} cent"
        return f"{hundred} {french(low)}" if low else hundred if high == 1 else f"{hundred}s"
    high, low = divmod(number, 1000)
    count = french(high)
    count = count[:-1] if count.endswith(("vingts", "cents")) else count
    thousand = "mille" if high == 1 else f"{count} mille"
    return f"{thousand} {french(low)}" if low else thousand


def italian(number: int) -> str:
    if number < 20:
        return ITALIAN.split()[number]
    if number < 100:
        tens, unit = ITALIAN_TENS.split()[number // 10 - 2], number % 10
        if unit in (1, 8):
            tens = tens[:-1]
        return tens + ("" if not unit else "tré" if unit == 3 else italian(unit))
    if number < 1000:
        high, low = divmod(number, 100)
        hundred = "cento" if high == 1 else f"{italian(high)}cento"
        if low == 8 or low // 10 == 8:
            hundred = hundred[:-1]
        return hundred + ("" if not low else "tré" if low == 3 else italian(low))
    high, low = divmod(number, 1000)
    thousand = "mille" if high == 1 else f"{italian(high).replace('tré', 'tre')}mila"
    return thousand + ("" if not low else "tré" if low == 3 else italian(low))


def portuguese(number: int) -> str:
    if number < 20:
        return PORTUGUESE.split()[number]
    if number < 100:
        tens = PORTUGUESE_TENS.split()[number // 10 - 2]
        return f"{tens} e {portuguese(number % 10)}" if number % 10 else tens
    if number < 1000:
        if number == 100:
            return "cem"
        hundreds = PORTUGUESE_HUNDREDS.split()[number // 100 - 1]
        return f"{hundreds} e {portuguese(number % 100)}" if number % 100 else hundreds
    high, low = divmod(number, 1000)
    thousand = "mil" if high == 1 else f"{portuguese(high)} mil"
    joint = " e " if low < 100 or low % 100 == 0 else " "
    return f"{thousand}{joint}{portuguese(low)}" if low else thousand


def portuguese_before(number: int, noun: str) -> str:
    said = portuguese(number)
    if not noun.endswith("as"):
        return said
    for male, female in (("entos", "entas"), ("dois", "duas")):
        said = said.replace(male, female)
    return f"{said}a" if said.endswith("um") else said


def dutch(number: int) -> str:
    if number < 20:
        return DUTCH.split()[number]
    if number < 100:
        tens, unit = DUTCH_TENS.split()[number // 10 - 2], number % 10
        joint = "ën" if unit in (2, 3) else "en"
        return f"{'een' if unit == 1 else dutch(unit)}{joint}{tens}" if unit else tens
    for size, name in ((1000, "duizend"), (100, "honderd")):
        if number >= size:
            high, low = divmod(number, size)
            return ("" if high == 1 else dutch(high)) + name + (dutch(low) if low else "")
    raise AssertionError


MONTHS = {
    "en": "January February March April May June July August September October November December",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
}
WORDS: dict[str, Words] = {
    "en": english, "es": spanish, "de": german, "fr": french, "it": italian, "pt": portuguese, "nl": dutch,
}  # fmt: skip
#: thousands and decimals
WRITTEN = {
    "en": (",", "."), "es": (".", ","), "de": (".", ","), "fr": (" ", ","), "it": (".", ","), "pt": (".", ","), "nl": (".", ","),
}  # fmt: skip
POINT = {"es": "coma", "de": "Komma", "fr": "virgule", "it": "virgola", "pt": "vírgula", "nl": "komma", "en": "point"}
ORDER = {
    "en": "Order {}", "es": "El pedido {}", "de": "Die Bestellung {}", "fr": "La commande {}", "it": "L'ordine {}",
    "pt": "O pedido {}", "nl": "De bestelling {}",
}  # fmt: skip


def grouped(code: str, number: int) -> str:
    return f"{number:,}".replace(",", WRITTEN[code][0])


def people(code: str, number: int) -> Line:
    if code == "es":
        return f"Son {grouped(code, number)} personas.", f"Son {spanish_before(number, 'personas')} personas."
    if code == "pt":
        return f"São {grouped(code, number)} pessoas.", f"São {portuguese_before(number, 'pessoas')} pessoas."
    frame = {
        "en": "There are {} people.", "de": "Das sind {} Personen.", "fr": "Il y a {} clients.", "it": "Ci sono {} persone.",
        "nl": "Er zijn {} personen.",
    }[code]  # fmt: skip
    return frame.format(grouped(code, number)), frame.format(WORDS[code](number))


def money(code: str, whole: int, cents: int) -> Line:
    written = f"{grouped(code, whole)}{WRITTEN[code][1]}{cents:02}" if cents else grouped(code, whole)
    say = WORDS[code]
    if code == "es":
        said = f"{spanish_before(whole, 'euros')} euros" + (
            f" con {spanish_before(cents, 'os')} céntimos" if cents else ""
        )
        return f"Cuesta {written} €.", f"Cuesta {said}."
    if code == "pt":
        said = f"{say(whole)} reais" + (f" e {say(cents)} centavos" if cents else "")
        return f"Custa R$ {written}.", f"Custa {said}."
    frame, unit, joint = {
        "en": ("It costs {}.", "pounds", " "), "de": ("Das kostet {}.", "Euro", " "), "fr": ("Cela coûte {}.", "euros", " "),
        "it": ("Costa {}.", "euro", " e "), "nl": ("Dat kost {}.", "euro", " "),
    }[code]  # fmt: skip
    said = f"{say(whole)} {unit}" + (f"{joint}{say(cents)}" if cents else "")
    sign = {"en": "£{}", "nl": "€ {}"}.get(code, "{} €")
    return frame.format(sign.format(written)), frame.format(said)


def time(code: str, hour: int, minute: int) -> Line:
    say, clock = WORDS[code], f"{hour}:{minute:02}"
    if code == "en":
        half = " AM" if hour >= 7 else ""  # an hour in one figure that may be the afternoon is said as written
        return f"at {clock} and at 23:59", f"at {say(hour)} {say(minute)}{half} and at eleven fifty-nine PM"
    if code == "es":
        return f"Llega a las {clock}.", f"Llega a las {spanish_before(hour, 'horas')} y {spanish(minute)}."
    if code == "pt":
        return f"Chega às {hour}h{minute}.", f"Chega às {portuguese_before(hour, 'horas')} e {portuguese(minute)}."
    if code == "it":
        return f"Arriva alle {clock}.", f"Arriva alle {say(hour)} e {say(minute)}."
    if code == "fr":
        hours = f"{say(hour)}e" if hour == 21 else say(hour)
        return f"Il arrive à {hour}h{minute}.", f"Il arrive à {hours} heures {say(minute)}."
    frame = {"de": "Er kommt um {} an.", "nl": "Hij komt om {} aan."}[code]
    hours = "Uhr" if code == "de" else "uur"
    return frame.format(f"{clock} {hours}"), frame.format(f"{say(hour)} {hours} {say(minute)}")


def date(code: str, day: int, month: int, year: int) -> Line:
    say, name = WORDS[code], MONTHS[code].split()[month - 1]
    if code == "en":
        return (
            f"on {day} {name} {year}",
            f"on {name} {english_ordinal(day)}, {english(year // 100)} {english(year % 100)}",
        )
    if code == "de":
        ending = "ten" if day < 20 else "sten"
        special = {1: "ersten", 3: "dritten", 7: "siebten", 8: "achten"}
        said = f"zweitausend{german(year - 2000)}"
        return f"am {day}. {name} {year}", f"am {special.get(day, german(day) + ending)} {name} {said}"
    if code in ("es", "pt"):
        first = {"es": "primero", "pt": "primeiro"}[code]
        said = f"{first if day == 1 else say(day)} de {name} de {say(year)}"
        begin = {"es": "el", "pt": "dia"}[code]
        return f"{begin} {day} de {name} de {year}", f"{begin} {said}"
    first = {"fr": "premier", "it": "primo", "nl": "één"}[code]
    begin = {"fr": "le", "it": "il", "nl": "op"}[code]
    written = {"fr": "1er", "it": "1º"}.get(code, "1") if day == 1 else str(day)
    return f"{begin} {written} {name} {year}", f"{begin} {first if day == 1 else say(day)} {name} {say(year)}"


def english_ordinal(number: int) -> str:
    said = english(number)
    begin, joint, last = said.rpartition("-")
    special = {
        "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth", "twelve": "twelfth"
    }  # fmt: skip
    last = special.get(last, f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th")
    return f"{begin}{joint}{last}"


def order(code: str, number: int) -> Line:
    return ORDER[code].format(number), ORDER[code].format(" ".join(WORDS[code](int(digit)) for digit in str(number)))


def decimal(code: str, whole: int, rest: str) -> Line:
    digits = " ".join(WORDS[code](int(digit)) for digit in rest)
    percent = {
        "es": "por ciento",
        "de": "Prozent",
        "fr": "pour cent",
        "it": "per cento",
        "pt": "por cento",
        "nl": "procent",
    }
    said = f"{WORDS[code](whole)} {POINT[code]} {digits} {percent.get(code, 'percent')}"
    return f"{whole}{WRITTEN[code][1]}{rest} %", said


def lines(code: str, count: int) -> Iterator[Line]:
    """This many sentences of the language, written and said; the same ones each time."""
    chance = random.Random(f"reading {code}")
    makers: list[Callable[[], Line]] = [
        lambda: people(code, chance.choice([chance.randint(20, 999), chance.randint(1_000, 999_999)])),
        lambda: money(
            code,
            chance.choice([chance.randint(2, 99), chance.randint(100, 9_999)]),
            chance.choice([0, chance.randint(10, 99)]),
        ),
        lambda: time(code, chance.randint(2, 11) if code == "en" else chance.randint(2, 23), chance.randint(10, 59)),
        lambda: date(code, chance.randint(1, 28), chance.randint(1, 12), chance.randint(2011, 2059)),
        lambda: order(code, chance.randint(1_000, 9_999_999)),
        lambda: decimal(code, chance.randint(2, 99), str(chance.randint(1, 99))),
    ]
    for number in range(count):
        yield makers[number % len(makers)]()
