"""What a caller says who wants to go on in another language: "in English, please", "¿habla español?".

Only an utterance that says nothing else counts: a manual "in German" is none. Everything else is left to the model.
"""

import re
from typing import Final

from orchestra.language.utterance import split_words

#: the names of the languages, in each of them
_NAMES: Final = {
    "en": "english spanish german french italian portuguese dutch",
    "es": "inglés español alemán francés italiano portugués holandés",
    "de": "englisch spanisch deutsch französisch italienisch portugiesisch niederländisch",
    "fr": "anglais espagnol allemand français italien portugais néerlandais",
    "it": "inglese spagnolo tedesco francese italiano portoghese olandese",
    "pt": "inglês espanhol alemão francês italiano português holandês",
    "nl": "engels spaans duits frans italiaans portugees nederlands",
}
_MORE_NAMES: Final = {"es": {"castellano": "es"}, "de": {"holländisch": "nl"}, "pt": {"neerlandês": "nl"}}
_CODES: Final = ("en", "es", "de", "fr", "it", "pt", "nl")
#: words with which one asks for a language: one of them has to be there
_ASKING: Final = {
    "en": "in speak speaking switch change talk please",
    "es": "en habla hablas hablan hablar hable hábleme cambiar cambiamos cambie seguimos por favor",
    "de": "auf in sprechen sprechen sprichst spricht reden wechseln bitte",
    "fr": "en parlez parle parlez-vous parler parlons passer passons continuer s'il svp",
    "it": "in parla parlate parlare parliamo passare passiamo favore",
    "pt": "em fala falam falar falamos fale mudar mudamos favor",
    "nl": "in spreekt spreken spreek praten praat overschakelen alstublieft alsjeblieft graag",
}
#: words that may stand around it
_AROUND: Final = {
    "en": "can could we you i do does would like to want let's let us anyone somebody someone here now rather prefer"
    " and go on continue with me sorry hello hi excuse may it be possible a instead the is there who speaks call have"
    " any speaker",
    "es": "puede puedes podemos podría podríamos se usted ustedes alguien aquí que con en al a y yo me quiero quisiera"
    " prefiero hola perdón perdone disculpe lo siento mejor ahora le importa podrías continuar seguir hay quien",
    "de": "können könnten wir sie ich du kann kannst könnte hier jemand möchte gern gerne lieber will mit mir hallo"
    " entschuldigung jetzt zu das gespräch weiter auch und doch mal weitermachen es geht einer der die wer gibt",
    "fr": "est-ce peut-on pourrait-on pouvez pouvons on vous nous je peux peut est ce que qu'on quelqu'un ici"
    " préfère voudrais préférerais veux bonjour pardon excusez moi maintenant plaît te plait plutôt avec à l' le c'est"
    " possible et y-a-t-il qui a-t-il s'il",
    "it": "può possiamo potremmo potrebbe puoi qualcuno qui vorrei preferirei preferisco voglio scusi scusa ciao"
    " buongiorno per ora lei con me io si è possibile e meglio continuare c'è che chi a all'",
    "pt": "pode podemos podia poderia poderíamos alguém aqui queria quero prefiro preferia olá desculpe desculpa por"
    " agora o a você vocês se em com eu é possível e melhor continuar há que quem para",
    "nl": "kunt kunnen kan kun u we wij ik je iemand hier wil liever zou willen mag hallo sorry pardon nu met mij het"
    " gesprek verder en even er in is mogelijk die wie",
}
#: what is done is the call: "can we do this in Spanish?"
_DO_THIS: Final = re.compile(
    r"\bdo (?:this|that)\b|\bhacer(?:lo| esto)\b|\b(?:das|dies)\b(?=.*\bmachen\b)|\bmachen\b|\bfaire (?:ça|cela)\b"
    r"|\bfar(?:lo|e questo)\b|\bfazer (?:isto|isso)\b|\b(?:dit|dat)\b(?=.*\bdoen\b)|\bdoen\b"
)
_MOST_WORDS: Final = 12


def _words(text: str) -> set[str]:
    return {word for part in text.split() for word in split_words(part)}


_NAMED: Final = {
    own: dict(zip(split_words(names), _CODES, strict=True)) | _MORE_NAMES.get(own, {}) for own, names in _NAMES.items()
}
_ASKS: Final = {own: _words(words) for own, words in _ASKING.items()}
_MAY_STAND: Final = {own: _ASKS[own] | _words(words) for own, words in _AROUND.items()}


def wished_language(text: str) -> str:
    """The language (ISO 639-1) for which a caller asks with these words; "" if they ask for none."""
    if len(split_words(text)) > _MOST_WORDS:
        return ""
    said = split_words(_DO_THIS.sub(" ", text.casefold()))
    for own, names in _NAMED.items():
        named = {names[word] for word in said if word in names}
        rest = {word for word in said if word not in names}
        if len(named) == 1 and rest & _ASKS[own] and rest <= _MAY_STAND[own]:
            return named.pop()
    return ""
