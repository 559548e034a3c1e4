"""Codes of languages (BCP 47), their English names, and what was probably meant by one that is none."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from orchestra.errors import AppError

#: ISO 639-1, and those of three letters that telephone callers and speech engines have
_NAMES: Final = """
aa Afar, ab Abkhazian, af Afrikaans, ak Akan, am Amharic, an Aragonese, ar Arabic, as Assamese, av Avaric, ay Aymara,
az Azerbaijani, ba Bashkir, be Belarusian, bg Bulgarian, bi Bislama, bm Bambara, bn Bangla, bo Tibetan, br Breton,
bs Bosnian, ca Catalan, ce Chechen, ch Chamorro, co Corsican, cs Czech, cv Chuvash, cy Welsh, da Danish, de German,
dv Divehi, dz Dzongkha, ee Ewe, el Greek, en English, eo Esperanto, es Spanish, et Estonian, eu Basque, fa Persian,
ff Fula, fi Finnish, fj Fijian, fo Faroese, fr French, fy Western Frisian, ga Irish, gd Scottish Gaelic, gl Galician,
gn Guarani, gu Gujarati, gv Manx, ha Hausa, he Hebrew, hi Hindi, ho Hiri Motu, hr Croatian, ht Haitian Creole,
hu Hungarian, hy Armenian, hz Herero, id Indonesian, ig Igbo, ii Sichuan Yi, ik Inupiaq, is Icelandic, it Italian,
iu Inuktitut, ja Japanese, jv Javanese, ka Georgian, kg Kongo, ki Kikuyu, kj Kuanyama, kk Kazakh, kl Kalaallisut,
km Khmer, kn Kannada, ko Korean, kr Kanuri, ks Kashmiri, ku Kurdish, kv Komi, kw Cornish, ky Kyrgyz, la Latin,
lb Luxembourgish, lg Ganda, li Limburgish, ln Lingala, lo Lao, lt Lithuanian, lu Luba-Katanga, lv Latvian, mg Malagasy,
mh Marshallese, mi Maori, mk Macedonian, ml Malayalam, mn Mongolian, mr Marathi, ms Malay, mt Maltese, my Burmese,
na Nauru, nb Norwegian Bokmål, nd North Ndebele, ne Nepali, ng Ndonga, nl Dutch, nn Norwegian Nynorsk, no Norwegian,
nr South Ndebele, nv Navajo, ny Nyanja, oc Occitan, om Oromo, or Odia, os Ossetic, pa Punjabi, pl Polish, ps Pashto,
pt Portuguese, qu Quechua, rm Romansh, rn Rundi, ro Romanian, ru Russian, rw Kinyarwanda, sa Sanskrit, sc Sardinian,
sd Sindhi, se Northern Sami, sg Sango, si Sinhala, sk Slovak, sl Slovenian, sm Samoan, sn Shona, so Somali, sq Albanian,
sr Serbian, ss Swati, st Southern Sotho, su Sundanese, sv Swedish, sw Swahili, ta Tamil, te Telugu, tg Tajik, th Thai,
ti Tigrinya, tk Turkmen, tl Tagalog, tn Tswana, to Tongan, tr Turkish, ts Tsonga, tt Tatar, ty Tahitian, ug Uyghur,
uk Ukrainian, ur Urdu, uz Uzbek, ve Venda, vi Vietnamese, wa Walloon, wo Wolof, xh Xhosa, yi Yiddish, yo Yoruba,
za Zhuang, zh Chinese, zu Zulu, ast Asturian, bho Bhojpuri, ceb Cebuano, ckb Central Kurdish, cmn Mandarin Chinese,
fil Filipino, gsw Swiss German, haw Hawaiian, hmn Hmong, kab Kabyle, kok Konkani, mai Maithili, nan Min Nan Chinese,
nso Northern Sotho, prs Dari, sat Santali, yue Cantonese
"""
LANGUAGE_NAMES: Final = dict(entry.split(maxsplit=1) for entry in _NAMES.replace("\n", " ").split(","))
#: language, script, region, variants (RFC 5646); extensions and private use say nothing that matters here
_TAG: Final = re.compile(
    r"(?P<language>[a-z]{2,3})(?:-(?P<script>[a-z]{4}))?(?:-(?P<region>[a-z]{2}|\d{3}))?"
    r"(?P<variants>(?:-(?:[a-z\d]{5,8}|\d[a-z\d]{3}))*)",
    re.IGNORECASE,
)
#: regions that people write, and that are none
_REGIONS: Final = {"UK": "GB", "EN": "GB"}
_NEAREST: Final = 4


def read_code(code: str) -> str:
    """The code as BCP 47 writes it: ``es-MX`` for ``es_mx``.

    Raises:
        AppError: there is no such language; names the nearest ones.

    """
    found = _TAG.fullmatch(code.strip().replace("_", "-"))
    if found is None or found["language"].lower() not in LANGUAGE_NAMES:
        msg = f"there is no language {code!r}: did you mean {_one_of(_nearest(code))}? It is a code such as en or pt-BR"
        raise AppError(msg)
    language, region = found["language"].lower(), (found["region"] or "").upper()
    if region in _REGIONS:
        msg = f"there is no language {code!r}: did you mean {language}-{_REGIONS[region]}?"
        raise AppError(msg)
    script, variants = (found["script"] or "").title(), found["variants"].lower().strip("-")
    return "-".join(filter(None, (language, script, region, variants)))


def _nearest(code: str) -> Iterator[str]:
    written = code.strip().casefold()
    names = {name.casefold(): known for known, name in LANGUAGE_NAMES.items()}
    near = [names[name] for name in get_close_matches(written, names, n=2)]
    near += get_close_matches(written[:3], LANGUAGE_NAMES, n=_NEAREST, cutoff=0.5)
    near += [known for known in LANGUAGE_NAMES if written[:1] == known[:1]]
    for known in list(dict.fromkeys(near or ["en", "es", "de", "fr"]))[:_NEAREST]:
        yield f"{known} ({LANGUAGE_NAMES[known]})"


def _one_of(choices: Iterator[str]) -> str:
    *before, last = choices
    return f"{', '.join(before)} or {last}" if before else last
