"""Portuguese as it is spoken in Portugal: the same words, other phrases."""

from dataclasses import replace
from typing import Final

from orchestra.language.port import Phrases
from orchestra.language.portuguese import LANGUAGE as BRAZILIAN
from orchestra.language.reading import verbalizer

LANGUAGE: Final = replace(
    BRAZILIAN,
    code="pt-PT",
    verbalize=verbalizer("pt-PT"),
    phrases=Phrases(
        apology="Peço desculpa, tive um problema. Pode repetir, por favor?",
        holding="Só um momento, por favor.",
        bridges=("Um momento.", "Deixe-me ver.", "Só um segundo.", "Muito bem, um momento."),
        still_there="Ainda está em linha?",
        transfer_failed="Lamento, de momento ninguém pode atender a sua chamada. Posso ajudar em mais alguma coisa?",
        handed_back="Está novamente a falar com o nosso assistente. Posso ajudar em mais alguma coisa?",
        not_recorded="Muito bem, esta chamada não é gravada.",
        farewell="Obrigado pela sua chamada. Até à próxima.",
        transferring="Vou passar a chamada a um colega.",
        passing_on="Vou passar a chamada.",
        incoming_transfer="Uma chamada de {app}. {briefing}",
        line_is_closed="A linha está fechada.",
        not_understood="Não foi possível perceber a resposta da pessoa à pergunta: {question}",
        accept_transfer="Prima {key} para atender.",
        unknown_line="O número que marcou não está atribuído. Até à próxima.",
        closed="De momento estamos encerrados. Por favor, ligue novamente dentro do nosso horário. Até à próxima.",
        confirmation="Só para confirmar: {what}{details}. Posso avançar?",
    ),
)
