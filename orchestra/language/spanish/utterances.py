"""What callers and agents say in Spanish, by what it tells about how far an utterance has got."""

from typing import Final

from orchestra.language.utterance_words import UtteranceWords

UTTERANCE_WORDS: Final = UtteranceWords(
    hesitates="""
    eh, em, este, esto, pues, o sea, bueno pues, es que, pues mire, pues nada, cómo se dice, cómo le digo, digamos
    """,
    waits="""
    un momento, un momentito, un segundo, un segundito, un minuto, espere, espera, espere un momento, espera un
    momento, a ver, vamos a ver, deme un momento, deme un segundo, dame un segundo, ya le digo, ahora le digo, un
    instante, no cuelgue, aguarde, aguarde un momento, déjeme ver, déjeme pensar, déjeme mirar, dónde está, dónde lo
    tengo, cómo era
    """,
    looks="""
    déjeme ver, déjeme mirar, déjeme buscar, déjeme buscarlo, déjeme pensar, déjeme revisar, déjeme que, deje que, voy
    a ver, voy a mirar, voy a buscar, voy a buscarlo, tengo que mirar, tengo que buscar, tengo que ver, lo busco,
    ahora lo miro, ahora lo busco, permítame
    """,
    leads_in="""
    y, pero, bueno, pues, entonces, sí, no, vale, eh, ah, oh, hola, ok, oiga, oye, mire, mira, perdone, disculpe, es
    que
    """,
    closes="""
    por favor, gracias, muchas gracias, mil gracias, muchísimas gracias, gracias por todo, adiós, hasta luego, hasta
    pronto, hasta mañana, chao, eso es todo, nada más, es todo, si es tan amable
    """,
    unfinished="""
    a, al, ante, con, contra, de, del, desde, durante, en, entre, hacia, hasta, para, por, según, sin, sobre, tras,
    el, la, los, las, un, una, unos, unas, mi, mis, tu, tus, su, sus, nuestro, nuestra, nuestros, nuestras, este de,
    y, e, o, u, ni, pero, porque, que, si, aunque, cuando, como, donde, mientras, pues que, muy, tan, más de, cada,
    cuyo, cuya, tengo que, creo que, pienso que, señor, señora, don, doña, número, calle, debido, acerca, respecto, a
    partir
    """,
    begun="""
    lo, se, me, le, les, nos, es, está, son, era, eran, estoy, estamos, soy, he, ha, han, hemos, había, tengo, tiene,
    quiero, quisiera, quería, querría, necesito, necesitaba, me gustaría, puedo, puede, podría, puede decirme, podría
    decirme, me puede decir, me llamo, mi nombre es, mi número es, mi número, mi nombre, mi dirección, mi correo, mi
    pedido, llamo, le llamo, llamaba, le llamaba, estoy llamando, hay, había pensado, quiero saber, quería saber, me
    preguntaba, quisiera saber, creo, dice, dicen
    """,
    copulas="es, está, son, era, eran, sería, fue",
    preambles="""
    hola, buenas, buenos días, buen día, buenas tardes, buenas noches, muy buenas, qué tal, gracias, muchas gracias,
    sí, no, ah, vale, bueno, bien, muy bien, está bien, está muy bien, perfecto, de acuerdo, no es eso, eso no es, no
    es correcto, eso no es correcto, así no es, está mal, es correcto, eso es correcto, oiga, mire, señor, señora,
    señorita, encantado, encantada, igualmente, disculpe, perdone, perdón, una pregunta, una consulta, una cosa
    """,
    announces="""
    tengo una pregunta, tengo una duda, tengo otra pregunta, tengo un problema, tengo una consulta, tengo una queja,
    quería hacerle una pregunta, quiero hacerle una pregunta, quería preguntarle algo, quería preguntar una cosa, una
    pregunta más, una cosa más, otra cosa, otra pregunta, hay un problema, hay otra cosa
    """,
    clauses="""
    cuando, si, porque, aunque, mientras, como, en cuanto, antes de que, después de que, desde que, ya que, hasta que
    """,
    asks="""
    qué, cuál, cuáles, quién, quiénes, cuándo, dónde, adónde, cómo, cuánto, cuánta, cuántos, cuántas, por qué, a qué,
    de qué, en qué, para qué, con quién, puede, puedo, podría, podrían, podemos, pueden, tiene, tienen, hay, es
    posible, sabe, me puede, me podría, está, están, se puede
    """,
    pointing="""
    el primero, la primera, primero, primera, el segundo, la segunda, segundo, segunda, el tercero, la tercera, el
    último, la última, los dos, las dos, ambos, ambas, ninguno, ninguna, ninguno de los dos, cualquiera, da igual, me
    da igual, es igual, uno, una, dos, tres, ese, esa, este, esta, el otro, la otra, por la mañana, por la tarde, por
    la noche, mañana
    """,
    with_choice="""
    el, la, los, las, un, una, en, a, para, por, de, del, al, mejor, prefiero, preferiría, quiero, quisiera, me
    gustaría, me quedo con, con, creo que, que, yo, me, viene, bien, va, sería, es, el de, la de, mejor el, mejor la,
    pues, eh, puede ser, si puede ser
    """,
    question_words="""
    qué, cuál, cuáles, quién, quiénes, cuándo, dónde, adónde, cómo, cuánto, cuánta, cuántos, cuántas, por qué
    """,
    requests="""
    dígame, dime, deme, dame, me da, me puede dar, me puede decir, puede darme, puede decirme, podría darme, podría
    decirme, me podría dar, me podría decir, me dice, indíqueme, indique, me indica, puede indicarme, necesito,
    necesitaría, deletree, deletréeme, puede deletrear, me deletrea, puede deletrearme, puede deletrearlo, repita,
    puede repetir, puede repetirme, introduzca, facilíteme, me facilita, puede facilitarme, léame, me lee, confírmeme
    """,
    or_="o, u, o bien",
    tags="verdad, correcto, no, cierto, no es así, es correcto, vale, de acuerdo, sí",
    whys="cuándo, por qué, cuánto tiempo, hasta cuándo, a qué hora, el motivo, la razón",
    digits_wanted="""
    número, el número, código, código postal, dígitos, cifras, clave, pin, contraseña, teléfono, tarjeta, cuenta,
    referencia, póliza, dni, matrícula, localizador, expediente, iban, números
    """,
    spelling_wanted="""
    deletrear, deletree, deletrea, deletréeme, deletrearme, deletrearlo, letra por letra, letras, letra a letra
    """,
    email_wanted="correo, correo electrónico, email, e-mail, mail",
    address_wanted="dirección, domicilio, dónde vive, calle, dónde lo enviamos, dirección de entrega",
    birth_wanted="fecha de nacimiento, cumpleaños, cuándo nació, naciste, nació",
    lengths="uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis",
    digit_nouns="""
    dígitos, cifras, números, últimos dígitos, últimas cifras, últimos números, primeros dígitos, primeras cifras,
    letras
    """,
    card="tarjeta, tarjeta de crédito, tarjeta de débito, número de tarjeta, número de la tarjeta",
    quantities="""
    cuánto, cuánta, cuántos, cuántas, a qué hora, qué hora, qué día, qué fecha, cuándo, edad, años, precio, piso,
    talla
    """,
    digits="cero uno dos tres cuatro cinco seis siete ocho nueve",
    tens="""
    diez once doce trece catorce quince dieciséis diecisiete dieciocho diecinueve veinte veintiuno veintidós
    veintitrés veinticuatro veinticinco veintiséis veintisiete veintiocho veintinueve treinta cuarenta cincuenta
    sesenta setenta ochenta noventa cien ciento doscientos trescientos cuatrocientos quinientos seiscientos
    setecientos ochocientos novecientos mil doble triple
    """,
    at="arroba",
    dot="punto, guion bajo, guión bajo, guion, guión, barra baja",
    spells_like="de como",
    months="""
    enero, febrero, marzo, abril, mayo, junio, julio, agosto, septiembre, setiembre, octubre, noviembre, diciembre
    """,
    address_begins="mi dirección es, la dirección es, vivo en, vivimos en, envíelo a, mándelo a, entréguelo en",
)
