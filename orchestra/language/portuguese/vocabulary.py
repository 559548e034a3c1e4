"""The words of Portuguese, with the phrases of Brazil."""

from typing import Final

from orchestra.language.call_screening import ScreeningPatterns
from orchestra.language.plain_text import SignNames
from orchestra.language.port import Phrases
from orchestra.language.portuguese.utterances import UTTERANCE_WORDS
from orchestra.language.sentence_splitter import SentenceEnds
from orchestra.language.vocabulary import Vocabulary

VOCABULARY: Final = Vocabulary(
    code="pt",
    name="Portuguese",
    phrases=Phrases(
        apology="Desculpe, tive um problema aqui. Você pode repetir, por favor?",
        holding="Só um momento, por favor.",
        bridges=("Um momento.", "Deixe eu ver.", "Só um segundo.", "Certo, um momento."),
        still_there="Você ainda está na linha?",
        transfer_failed="Sinto muito, ninguém pode atender a sua ligação agora. Posso ajudar em mais alguma coisa?",
        handed_back="Você voltou a falar com o nosso assistente. Posso ajudar em mais alguma coisa?",
        not_recorded="Tudo bem, esta chamada não é gravada.",
        farewell="Obrigado pela sua ligação. Até logo.",
        transferring="Vou transferir a sua ligação para um atendente.",
        passing_on="Vou transferir a sua ligação agora.",
        incoming_transfer="Uma ligação de {app}. {briefing}",
        line_is_closed="A linha está fechada.",
        not_understood="Não foi possível entender a resposta da pessoa à pergunta: {question}",
        accept_transfer="Tecle {key} para atender.",
        unknown_line="O número que você discou não está em serviço. Até logo.",
        closed=("No momento estamos fechados. Por favor, ligue novamente no nosso horário de atendimento. Até logo."),
        confirmation="Só para confirmar: {what}{details}. Posso prosseguir?",
    ),
    signs=SignNames(star="estrela", stars="estrelas", times="vezes", key="asterisco"),
    tool_examples={
        "end_call": ("tchau", "até logo", "era só isso, obrigado", "mais nada, obrigada", "pode desligar"),
        "transfer_call": (
            "um atendente, por favor",
            "quero falar com uma pessoa",
            "posso falar com alguém",
            "me passa para um atendente",
        ),
    },
    yes="""
    sim, sim por favor, claro, claro que sim, com certeza, certamente, correto, correcto, exato, exacto, exatamente,
    exactamente, isso, isso mesmo, é isso, é isso mesmo, isso aí, de acordo, combinado, confirmo, pode confirmar, pode
    ser, sem dúvida, sem problema, sem problemas, não tem problema, não há problema, positivo, afirmativo,
    evidentemente, pois claro, é claro, perfeitamente, pode sim, quero sim, está sim, tá sim
    """,
    may_say_yes="""
    ok, okay, certo, tá, tá bom, tá bem, tá certo, está bem, está bom, está certo, está correto, bom, muito bem,
    perfeito, ótimo, beleza, pode, quero, é, pois, pois é, pode fazer, faça, faz favor, por favor, se faz favor, por
    gentileza, vamos, bora, legal, fechado, uhum, aceito, tudo bem, força, avance, prossiga, pode prosseguir
    """,
    no="""
    não, nunca, nem, nenhum, nenhuma, jamais, espere, espera, pare, para aí, um momento, cancele, cancela, cancelar,
    em vez, prefiro, melhor, mas, na verdade, outro, outra, outros, outras, mudar, mude, trocar, errado, incorreto,
    talvez, não sei, ainda, de jeito nenhum, negativo, tampouco
    """,
    beside_yes="""
    a, ah, ai, aí, agora, as, com, da, de, deste, e, ele, ela, em, então, essa, esse, esta, este, está, eu, fazer,
    favor, gostaria, lhe, me, mesmo, moça, moço, muito, muito obrigado, muito obrigada, o, obrigado, obrigada, os,
    para, pra, por, que, senhor, senhora, só, tudo, um, uma, você, vocês, já, também, né, gentil, gentileza, fazer
    isso, faça isso, ser, assim
    """,
    backchannels="""
    sim, sim sim, claro, certo, tá, tá bom, tá certo, tá bem, está bem, está bom, ok, okay, entendi, entendo, percebo,
    percebi, compreendo, compreendi, sei, eu sei, já sei, pois, pois é, pois pois, pois claro, exato, exatamente,
    isso, isso mesmo, é, é verdade, verdade, com certeza, beleza, perfeito, ótimo, legal, bom, muito bem, que bom,
    uhum, aham, ahã, hum, ah sim, ah tá, ah entendi, ah ok, é isso, é isso aí, correto, combinado, certamente, bacana,
    massa, joia, tudo bem, boa, fixe, hum hum, né
    """,
    fragments="e, o, a, os, as, de, em, uma, que",
    pardons="hã, hein, como, oi",
    no_sounds="um, uma, em",
    stop_words="""
    a à ao aos às ai aí ainda alguém algum alguma alguns algumas algo ali antes aquela aquele aquilo aqui as assim até
    bem boa bom cada com como cá da das de dela dele deles depois desde dessa desse desta deste dia disse dizer do
    dois dos e é ela elas ele eles em embora entre era eram essa essas esse esses esta está estão estar estas estava
    este estes estou eu favor faz fazer fez foi for foram fui gostaria há haver hoje ir isso isto já la lá lhe logo lo
    mais mas me mesmo meu meus minha minhas muita muito muitos na nada não nas nem nenhum nessa nesse nesta neste nos
    nós nossa nossas nosso nossos num numa nunca o obrigada obrigado oi olá onde os ou outra outro para pela pelas
    pelo pelos perto pode podem poder poderia pois por porque porquê posso pouco pra pro preciso próprio qual quais
    qualquer quando quanta quanto quantos que quê quem quer querer queria quero saber se sei seja sem sempre sendo ser
    será seria seu seus sim sobre só somos sou sua suas também tão te tem têm temos tenho ter teria teu teve tinha
    tive toda todas todo todos tu tua tudo um uma umas uns vai vamos vão ver vez você vocês vou bom boa tarde noite tá
    né aí
    """,
    vague="""
    noite manhã tarde fim semana hoje ontem amanhã mês ano dia hora minuto tempo último próximo primeiro pedido número
    vir novo velho grande pequeno jeito maneira
    """,
    polite="""
    olá, oi, alô, bom dia, boa tarde, boa noite, por favor, se faz favor, faz favor, por gentileza, obrigado,
    obrigada, muito obrigado, muito obrigada, então, bom, é, eh, oh, ah, tá, sim, ok, certo, e, agora, olhe, olha,
    desculpe, com licença
    """,
    flags=("sim", "não"),
    conjunction="e",
    greetings="alô alo oi olá estou sim está lá bom boa dia tarde noite quem fala é pois não diga sou eu tô",
    screening=ScreeningPatterns(
        takes_message=(
            r"\b(?:deixe|deixa|deixar|grave|grava|gravar) (?:\w+ )?(?:a sua|sua|uma|o seu|seu|um|o"
            r"|a) (?:\w+ )?(?:mensagem|recado)"
            r"|\b(?:após|depois d[oe]) (?:o )?(?:sinal|bip|toque)|\bcaixa postal|\bcorreio de voz|\batendedor"
            r"|\bsecretária eletrônica"
        ),
        asks=(
            r"\b(?:grave|diga|informe|fale|indique) (?:\w+ )?(?:o )?(?:seu )?nome\b.{0,40}\b(?:motivo|razão|por que"
            r"|assunto)"
            r"|\bfiltr\w+ (?:de |as )?(?:chamadas|ligações)|\bse (?:essa|esta|a) pessoa está disponível"
            r"|\ba pessoa (?:para quem|com quem|que) você está (?:ligando|tentando)|\bantes de (?:conectar|transferir"
            r"|passar)"
        ),
        asks_on=(
            r"\bé urgente|\bquem (?:fala|está falando|é|está a falar|gostaria)|\bdo que se trata"
            r"|\bqual (?:é )?o (?:assunto|motivo)"
            r"|\bda parte de quem|\bseu nome\b|\bnão (?:entendi|ouvi|percebi)|\b(?:repita|repetir)\b"
        ),
        declines=(
            r"\bnão (?:\w+ )?(?:está |estou )?disponível|\bindisponível|\bnão (?:posso|pode) (?:\w+ )?(?:falar|atender)"
            r"|\bnão (?:tenho interesse|me interessa|estou interessad\w)|\b(?:remova|tire|retire|apague) (?:este|esse"
            r"|o meu|meu|o) número"
            r"|\bnão (?:me )?lig(?:ue|a|uem) mais|\b(?:te|lhe) (?:ligo|retorno)|\bligue (?:mais tarde|depois)"
            r"|\b(?:envie|mande) (?:uma )?mensagem|\b(?:tchau|adeus|até logo)\b"
        ),
        waits=(
            r"\b(?:aguarde|espere)\b|\b(?:fique|permaneça|continue) na linha|\b(?:um|só um) (?:momento|instante"
            r"|minuto|segundo|momentinho)"
            r"|\bnão desligue|\b(?:vou|irei) (?:passar|transferir|verificar|ver|perguntar)|^(?:muito )?obrigad[oa]$"
        ),
    ),
    sentence_ends=SentenceEnds(
        """
        sr, srs, sra, sras, srta, dr, dra, drs, prof, profa, eng, arq, av, r, pça, tel, telef, n, nº, núm, ex, p. ex,
        p.ex, exmo, exma, pág, págs, apto, ap, art, cap, esq, dto, fig, vol, obs, séc, máx, mín, aprox, cx, rod, est,
        trav, d, sto, sta, min
        """,
        may_end="h, etc, cia, ltda, lda, s.a, s. a, a.m, p.m, a. m, p. m",
        after_day=r"(?:de )?(?:janeiro|fevereiro|março|abril|maio|junho|julho|agosto|setembro|outubro|novembro"
        r"|dezembro)\b",
    ),
    utterance=UTTERANCE_WORDS,
)
