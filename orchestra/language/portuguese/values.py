"""Values as they are said in Portuguese, in Brazil and in Portugal."""

from typing import Final

from orchestra.language.values.below_hundred import below_hundred
from orchestra.language.values.port import CapturePhrases, ValueWords, listed, numbered

VALUES: Final = ValueWords(
    code="pt",
    phrases=CapturePhrases(
        questions={
            "number": "Qual é o número?",
            "digits": "Qual é o número, dígito por dígito?",
            "name": "Qual é o seu nome?",
            "email": "Qual é o seu e-mail?",
            "phone": "Qual é o seu número de telefone?",
            "date": "Qual é a data?",
            "address": "Qual é o seu endereço, com o código postal?",
            "yesno": "Sim ou não?",
            "choice": "O que prefere: {value}?",
            "card": "Qual é o número do seu cartão?",
            "card_expiry": "E até quando é válido, mês e ano?",
            "card_cvc": "E o código de segurança do cartão?",
        },
        right="{value}. Está certo?",
        ending="O cartão que termina em {value}",
        again="Desculpe, não entendi. {question}",
        wrong="Desculpe. {question}",
        invalid="Isso não parece certo. {question}",
        go_on="{value}. Continue, por favor.",
        spell="Pode soletrar, letra por letra?",
        keys="Por favor, digite nas teclas do telefone e termine com a tecla cardinal.",
        or_="ou",
    ),
    numbers=below_hundred("pt", ("e",))
    | {"uma": 1, "duas": 2, "meia": 6, "quatorze": 14, "dezesseis": 16, "dezessete": 17, "dezenove": 19},
    hundreds={
        "cem": 100,
        "cento": 100,
        "duzentos": 200,
        "duzentas": 200,
        "trezentos": 300,
        "trezentas": 300,
        "quatrocentos": 400,
        "quatrocentas": 400,
        "quinhentos": 500,
        "quinhentas": 500,
        "seiscentos": 600,
        "seiscentas": 600,
        "setecentos": 700,
        "setecentas": 700,
        "oitocentos": 800,
        "oitocentas": 800,
        "novecentos": 900,
        "novecentas": 900,
    },
    thousands=frozenset({"mil"}),
    millions=frozenset({"milhao", "milhoes"}),
    joins=frozenset({"e"}),
    times={"duplo": 2, "dobro": 2, "triplo": 3},
    point=frozenset({"virgula", "ponto"}),
    minus=frozenset({"menos"}),
    half=frozenset({"e meio", "e meia"}),
    yes=listed("""
    sim, certo, correto, correcto, exato, exatamente, isso, isso mesmo, esta certo, claro, com certeza, pode ser, ok,
    okay, perfeito, ta bom, tudo bem, esta bem, e isso, nao tem problema, nao ha problema
    """),
    no=listed("nao, errado, esta errado, nao esta certo, nunca, nao e, melhor nao, de jeito nenhum, incorreto"),
    but=frozenset({"mas", "exceto", "so que"}),
    idioms=listed("um momento, um instante, um segundo, um minuto, uma pergunta, pelo menos, ao menos"),
    unwilling=listed("""
    nao sei, nao tenho, nao lembro, nao me lembro, nao quero, prefiro nao, por que, porque precisa, nao faco ideia,
    uma pessoa, um atendente, esqueca, cancelar, um operador
    """),
    negations=frozenset({"nao"}),
    excepts=listed("menos, exceto, salvo, tirando, fora, a nao ser, que nao seja, desde que nao seja"),
    first=frozenset({"primeiro", "primeira", "primeiros", "primeiras", "inicio", "comeca"}),
    last=frozenset({"ultimo", "ultima", "ultimos", "ultimas", "fim", "final", "termina"}),
    ordinals=numbered("""
    primeiro/primeira, segundo/segunda, terceiro/terceira, quarto/quarta, quinto/quinta, sexto/sexta, setimo/setima,
    oitavo/oitava, nono/nona, decimo/decima
    """),
    months=numbered("""
    janeiro, fevereiro, marco, abril, maio, junho, julho, agosto, setembro, outubro, novembro, dezembro
    """),
    weekdays=numbered(
        """
    segunda feira/segunda, terca feira/terca, quarta feira/quarta, quinta feira/quinta, sexta feira/sexta, sabado,
    domingo
    """,
        0,
    ),
    days={"hoje": 0, "amanha": 1, "depois de amanha": 2, "ontem": -1, "anteontem": -2},
    within=frozenset({"em", "daqui a", "dentro de"}),
    units={"dia": 1, "dias": 1, "semana": 7, "semanas": 7, "mes": 30, "meses": 30},
    next=frozenset({"proximo", "proxima"}),
    at=("arroba",),
    signs={
        "ponto": ".",
        "underline": "_",
        "sublinhado": "_",
        "traco baixo": "_",
        "underscore": "_",
        "traco": "-",
        "hifen": "-",
        "mais": "+",
    },
    introduces=listed("e, sao, sou, me chamo, chamo me, meu nome e, moro na, moro em, seria, email, e mail"),
    fillers=listed("""
    eh, hum, bem, sim, nao, por, favor, meu, minha, o, a, nome, sobrenome, apelido, obrigado, obrigada, tudo, junto,
    minusculo, desculpe, bom, entao
    """),
    with_=frozenset({"com"}),
    without=frozenset({"sem"}),
    as_in=listed("de, como"),
    letters={
        "be": "b",
        "ce": "c",
        "de": "d",
        "efe": "f",
        "ge": "g",
        "aga": "h",
        "jota": "j",
        "ele": "l",
        "eme": "m",
        "ene": "n",
        "pe": "p",
        "que": "q",
        "erre": "r",
        "esse": "s",
        "te": "t",
        "ve": "v",
        "xis": "x",
        "ze": "z",
    },
)
