"""What callers and agents say in Portuguese, by what it tells about how far an utterance has got."""

from typing import Final

from orchestra.language.utterance_words import UtteranceWords

UTTERANCE_WORDS: Final = UtteranceWords(
    hesitates="""
    eh, ahn, hã, hum, então, tipo, assim, quer dizer, ou seja, pois, bem, como se diz, digamos, é que, deixa ver
    """,
    waits="""
    um momento, um momentinho, só um momento, só um momentinho, um instante, só um instante, um segundo, só um
    segundo, um segundinho, um minuto, só um minuto, um minutinho, só um minutinho, espere, espera, espera aí, peraí,
    pera aí, pera, espere um pouco, espera um pouco, calma, calma aí, deixa eu ver, deixe-me ver, deixa-me ver, deixa
    ver, vamos ver, aguarde, aguarde um momento, um bocadinho, só um bocadinho, já lhe digo, já te falo, já falo, não
    desligue, cadê, onde está, como era
    """,
    looks="""
    deixa eu, deixe eu, deixe-me, deixa-me, deixa ver, vou ver, vou olhar, vou procurar, vou buscar, vou verificar,
    vou pegar, tenho que ver, tenho que olhar, tenho que procurar, tenho de ver, preciso ver, preciso olhar, preciso
    procurar, estou procurando, tô procurando, estou a procurar, estou à procura, espera que eu
    """,
    leads_in="""
    e, mas, então, bom, bem, sim, não, é, tá, ok, ah, oh, oi, olá, alô, olha, olhe, desculpe, desculpa, pois, é que,
    certo
    """,
    closes="""
    por favor, se faz favor, faz favor, por gentileza, obrigado, obrigada, muito obrigado, muito obrigada, obrigadão,
    valeu, brigado, brigada, tchau, adeus, até logo, até mais, até amanhã, até já, bom dia para você, é só isso, só
    isso, era só isso, mais nada, é tudo, com licença
    """,
    unfinished="""
    o, a, os, as, um, uma, uns, umas, de, do, da, dos, das, em, no, na, nos, nas, num, numa, por, pelo, pela, pelos,
    pelas, para, pra, pro, ao, aos, à, às, com, sem, sobre, entre, até, desde, contra, após, meu, minha, meus, minhas,
    teu, tua, seu, sua, seus, suas, nosso, nossa, nossos, nossas, e, ou, mas, porém, porque, que, se, quando,
    enquanto, como, embora, caso, onde, cujo, nem, muito, tão, mais de, cada, tenho que, tenho de, chamo-me, acho que,
    penso que, senhor, senhora, dona, número, rua, avenida, sobre o, a respeito, por causa, além, não sei se
    """,
    begun="""
    é, era, são, está, estou, tá, tô, estava, tenho, tem, tinha, preciso, preciso de, precisava, precisava de, quero,
    queria, gostaria, gostaria de, eu gostaria de, eu queria, eu quero, posso, pode, poderia, pode me, poderia me,
    pode dizer, você pode, você poderia, meu nome é, o meu nome é, eu me chamo, me chamo, meu número é, o meu número
    é, meu nome, meu número, meu endereço, meu pedido, a minha morada, meu e-mail, estou ligando, estou ligando para,
    tô ligando, estou a ligar, estou a ligar por, liguei, liguei para, queria saber, gostaria de saber, acho, há, lhe,
    me
    """,
    copulas="é, era, são, está, seria",
    preambles="""
    olá, oi, alô, bom dia, boa tarde, boa noite, tudo bem, tudo bom, como vai, obrigado, obrigada, muito obrigado,
    muito obrigada, sim, não, é, ah, tá, ok, certo, bom, bem, muito bem, está bem, está bom, tá bom, tá certo,
    perfeito, ótimo, não é isso, isso não, não está certo, não está correto, está errado, tá errado, está correto,
    está certo, é isso, olhe, olha, desculpe, senhor, senhora, moça, moço, prazer, igualmente, uma pergunta, uma
    dúvida, uma coisa
    """,
    announces="""
    tenho uma pergunta, tenho uma dúvida, tenho outra pergunta, tenho outra dúvida, tenho um problema, tenho uma
    reclamação, estou com um problema, estou com uma dúvida, tô com um problema, tô com uma dúvida, queria fazer uma
    pergunta, gostaria de fazer uma pergunta, queria perguntar uma coisa, mais uma pergunta, mais uma coisa, outra
    coisa, só mais uma coisa, há um problema, tem um problema
    """,
    clauses="""
    quando, se, porque, enquanto, como, embora, assim que, antes que, depois que, desde que, já que, até que, logo
    que, caso
    """,
    asks="""
    que, o que, o quê, qual, quais, quem, quando, onde, aonde, cadê, como, quanto, quanta, quantos, quantas, por que,
    por quê, porque é que, a que, a que horas, que horas, em que, de que, até quando, para quando, pode, posso,
    poderia, podem, podemos, tem, têm, há, é possível, sabe, você pode, você tem, vocês têm, vocês podem, será que, dá
    para, dá pra, está, estão
    """,
    pointing="""
    o primeiro, a primeira, primeiro, primeira, o segundo, a segunda, segundo, segunda, o terceiro, a terceira, o
    último, a última, os dois, as duas, ambos, ambas, nenhum, nenhuma, nenhum dos dois, qualquer um, tanto faz, é
    igual, um, uma, dois, duas, três, esse, essa, este, esta, o outro, a outra, de manhã, à tarde, à noite, de tarde
    """,
    with_choice="""
    o, a, os, as, um, uma, em, no, na, de, do, da, para, pra, por, ao, à, melhor, prefiro, preferia, preferiria,
    quero, queria, gostaria, eu, me, acho, que, fica, é, seria, pode, ser, então, bem, bom, vou, ficar, com, ficaria
    """,
    question_words="""
    o que, que horas, que dia, em que, de que, qual, quais, quem, quando, onde, aonde, como, quanto, quanta, quantos,
    quantas, por que, por quê
    """,
    requests="""
    me diga, diga-me, diga, me dê, dê-me, pode me dar, pode me dizer, poderia me dar, poderia me dizer, pode me
    informar, poderia me informar, me informe, informe, informe-me, pode dar-me, pode dizer-me, podia dar-me, podia
    dizer-me, indique, pode indicar, pode-me dizer, pode-me dar, me fala, me passa, pode me passar, preciso, preciso
    do, preciso da, soletre, pode soletrar, poderia soletrar, repita, pode repetir, digite, insira, introduza, marque,
    leia, qual seria, confirme
    """,
    or_="ou",
    tags="certo, correto, está correto, está certo, é isso, não é, né, não, verdade, tá, tá bom, ok, sim, pode ser, é",
    whys="quando, por que, por quê, quanto tempo, até quando, o motivo, a razão, a que horas",
    digits_wanted="""
    número, código, código postal, cep, dígitos, algarismos, senha, pin, telefone, telemóvel, celular, cartão, conta,
    referência, protocolo, apólice, cpf, nif, placa, matrícula, iban, números, processo
    """,
    spelling_wanted="soletrar, soletre, letra por letra, letra a letra, letras",
    email_wanted="e-mail, email, mail, correio eletrônico, endereço de e-mail, endereço de email",
    address_wanted="endereço, morada, onde mora, onde você mora, rua, endereço de entrega",
    birth_wanted="data de nascimento, nascimento, aniversário, quando nasceu, nasceu",
    lengths="um dois três quatro cinco seis sete oito nove dez onze doze treze quatorze quinze dezesseis",
    digit_nouns="""
    dígitos, números, algarismos, últimos dígitos, últimos números, primeiros dígitos, primeiros números, letras,
    últimos algarismos
    """,
    card="cartão de crédito, cartão de débito, número do cartão, número do seu cartão, cartão bancário",
    quantities="""
    quanto, quanta, quantos, quantas, a que horas, que horas, que dia, quando, idade, anos, preço, andar, tamanho
    """,
    digits="zero um dois três quatro cinco seis meia sete oito nove",
    tens="""
    dez onze doze treze catorze quatorze quinze dezesseis dezasseis dezessete dezassete dezoito dezenove dezanove
    vinte trinta quarenta cinquenta sessenta setenta oitenta noventa cem cento duzentos trezentos quatrocentos
    quinhentos seiscentos setecentos oitocentos novecentos mil duplo uma duas
    """,
    at="arroba",
    dot="ponto, underline, underscore, sublinhado, traço, hífen",
    spells_like="de como",
    months="janeiro, fevereiro, março, abril, maio, junho, julho, agosto, setembro, outubro, novembro, dezembro",
    address_begins="""
    meu endereço é, o meu endereço é, o endereço é, a minha morada é, moro na, moro no, moro em, vivo na, vivo em,
    moramos na, mande para, envie para
    """,
)
