"""Names of lines: what their author wrote, and what a carrier says was dialled, in one form that can be compared.

::

    written             dialled                              name
    "+1 (555) 010-0100" "+15550100100"                       +15550100100
    "sip:Help"          "sip:help@10.0.0.1:5060;transport=…" sip:help
    "tel:+1-555-0100"   "0015550100100", "15550100100"       +15550100100
    "web"               "web" (the browser's line)           web
"""

import re
from typing import Final

#: the line for everything that no other line names
ANY: Final = "*"
#: the browser's line, unless a page names another one
WEB: Final = "web"
#: names the hold music that is made here
MELODY: Final = "melody"
#: a telephone number, E.164
E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")

_LONGEST = 200
_PUNCTUATION = str.maketrans("", "", " -./()\u00a0")
_LOOKS_LIKE_A_NUMBER = re.compile(r"[+\d\s./()-]*\d[\d\s./()-]*")
_TEL = re.compile(r"(?i)\Atel:(\+[\d\s./()-]+)(?:;.*)?\Z")
_WITHOUT_PLUS = re.compile(r"(?:00)?([1-9][0-9]{10,14})")
_EXTENSION = re.compile(r"(\+[0-9]+)(,[,0-9*#]{1,31})")
_NAME = re.compile(r"[0-9a-z_.+:@-]{1,64}")
_SIP = re.compile(r"sips?:(?P<user>[^\s@:;?<>]+)(?:@(?P<host>[0-9a-z.-]+|\[[0-9a-f:.]+\])(?::[0-9]+)?)?(?:[;?].*)?")


def line_name(written: str) -> str:
    """The name of a line as it is compared.

    Raises:
        ValueError: it can be dialled by nobody; the message says why.

    """
    text = _TEL.sub(r"\1", written.strip())
    if text == ANY:
        return ANY
    if text.lower().startswith(("sip:", "sips:")):
        found = _SIP.fullmatch(text.lower())
        if found is None or not text.isascii():
            msg = "write a SIP name as sip:help or sip:help@example.com"
            raise ValueError(msg)
        return _sip_names(found)[0]
    if _LOOKS_LIKE_A_NUMBER.fullmatch(text):
        number = text.translate(_PUNCTUATION)
        if not E164.fullmatch(number):
            msg = "write a number with + and its country's code, as in +15550100"
            raise ValueError(msg)
        return number
    if not _NAME.fullmatch(text.lower()):
        msg = "letters, digits and _ . + : @ - make a name, up to 64 of them"
        raise ValueError(msg)
    return text.lower()


def names_of(dialled: str) -> tuple[str, ...]:
    """The names of the line that may be meant by what was dialled, the most exact first.

    It comes from outside: whatever it is, this only finds no line.
    """
    text = _TEL.sub(r"\1", dialled.strip().lower()[:_LONGEST])
    sip = _SIP.fullmatch(text)
    if sip is not None:
        return _sip_names(sip)
    number = text.translate(_PUNCTUATION)
    return (number,) if E164.fullmatch(number) else (text, *_as_e164(number))


def is_target(text: str) -> bool:
    """Whether a person can be reached there: a telephone number (E.164), with an extension or not, or a SIP address."""
    number, _ = split_extension(text)
    return bool(E164.fullmatch(number) or (text.isascii() and _SIP.fullmatch(text.lower())))


def split_extension(target: str) -> tuple[str, str]:
    """The number, and the keys to press once it is answered: a comma waits for two seconds.

    >>> split_extension("+15550123,,204")
    ('+15550123', ',,204')
    """
    found = _EXTENSION.fullmatch(target)
    return (target, "") if found is None else (found[1], found[2])


def _as_e164(number: str) -> tuple[str, ...]:
    """The number, E.164, if these are its digits: trunks leave out the ``+``, or write ``00`` for it.

    Ten digits and fewer may as well be a number within a country.
    """
    found = _WITHOUT_PLUS.fullmatch(number)
    return (f"+{found[1]}",) if found else ()


def _sip_names(found: re.Match[str]) -> tuple[str, ...]:
    user, host = found["user"], found["host"]
    number = (user,) if E164.fullmatch(user) else _as_e164(user)
    return (*([f"sip:{user}@{host}"] if host else []), f"sip:{user}", *number)
