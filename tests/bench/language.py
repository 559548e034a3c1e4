"""Languages: how long it takes to read a sentence out, how often it is right, and where a stream of sentences is cut.

Reading is measured on the sentences of `tests/language`, with the first use of each number ("cold") and with the
second ("warm"), in processor time of the thread. An early cut is a piece of a sentence that is spoken as if it were one.
"""
# ruff: noqa: E501 - a list of sentences

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from orchestra.language import find_language
from tests.language.reading_truth import lines

CODES = ("en", "es", "de", "fr", "it", "pt", "nl")
TABLES = Path(__file__).parents[1] / "language"
#: the most that reading one sentence may take, in milliseconds (99th percentile)
LIMIT_MS = {"en": 0.3}
OTHERS_MS = 2.0
#: early cuts in a thousand sentences
EARLY_CUTS = 1.0
GRAMMAR = 0.99
#: abbreviations and figures that a sentence does not end at, beside the sentences of the grammar
HARD = {
    "en": ("Dr. Hill is in at 3 p.m. and leaves at 5.", "It costs $3.50, e.g. for St. Mary's St. in Bath.", "See No. 5 on pp. 12."),
    "es": ("El Sr. Pérez llega a las 3 p. m. hoy.", "La Dra. López, p. ej. hoy, cobra 3.50 euros.", "Está en la Avda. del Mar, n.º 5."),
    "de": ("Am 3. Mai kommt Dr. Weber, z. B. um 9.30 Uhr.", "Das kostet ca. 3.500 Euro inkl. Steuer.", "Sie wohnt in der Hauptstr. 5 im 2. Stock."),
    "fr": ("M. Dupont arrive le 3 mai, p. ex. à midi.", "Mme Martin est au n° 5 de l'av. Foch.", "Cela coûte env. 3.500 euros."),
    "it": ("Il sig. Rossi arriva il 3 maggio, ad es. alle 9.30.", "La dott.ssa Bianchi è al n. 5.", "Costa ca. 3.500 euro."),
    "pt": ("O Sr. Silva chega em 3 de maio, p. ex. às 9h.", "A Dra. Souza está na Av. Paulista, n.º 5.", "Custa aprox. 3.500 reais."),
    "nl": ("Dhr. Jansen komt op 3 mei, bijv. om 9.30 uur.", "Mevr. de Vries is er ca. 3 dagen per week.", "Dat kost 3.500 euro incl. btw."),
}  # fmt: skip


def table(code: str) -> list[tuple[str, str]]:
    """The table's sentences, written and said."""
    with (TABLES / f"{code}.csv").open(encoding="utf-8") as file:
        return [(row["written"], row["said"]) for row in csv.DictReader(file)]


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def timed(read: Callable[[str], str], sentences: list[str]) -> dict[str, float]:
    took: list[float] = []
    for sentence in sentences:
        started = time.thread_time()
        read(sentence)
        took.append((time.thread_time() - started) * 1000)
    return {"p50": round(percentile(took, 0.5), 3), "p99": round(percentile(took, 0.99), 3)}


def early_cuts(code: str, sentences: list[str]) -> int:
    """How many pieces end where no sentence does, of a stream that comes in tokens of 1 to 8 letters."""
    chance = random.Random(f"stream {code}")
    splitter = find_language(code).sentence_splitter
    early = 0
    for begin in range(0, len(sentences), 4):
        reply = sentences[begin : begin + 4]
        text, pieces, stream = " ".join(reply), [], splitter()
        while text:
            size = chance.randint(1, 8)
            pieces += stream.feed(text[:size])
            text = text[size:]
        pieces += stream.end()
        ends, place = set(), 0
        for sentence in reply:
            place += len(sentence.replace(" ", ""))
            ends.add(place)
        place = 0
        for piece in pieces:
            place += len(piece.replace(" ", ""))
            early += place not in ends
    return early


def measure(code: str, count: int) -> dict[str, Any]:
    read = find_language(code).to_speech
    started = time.perf_counter()
    read("1 2")
    first_ms = (time.perf_counter() - started) * 1000
    rows, made = table(code), list(lines(code, 200))
    sentences = [written for written, _ in [*rows, *lines(code, count)]]
    cold, warm = timed(find_language(code).verbalize, sentences), timed(find_language(code).verbalize, sentences)
    stream = [written if written.endswith(".") else f"{written}." for written, _ in lines(code, count)]
    chance = random.Random(code)
    stream += [chance.choice(HARD[code]) for _ in range(count // 4)]
    chance.shuffle(stream)
    return {
        "first_ms": round(first_ms), "cold": cold, "warm": warm,
        "table": sum(read(written) == said for written, said in rows) / len(rows), "lines": len(rows),
        "grammar": sum(read(written) == said for written, said in made) / len(made),
        "early_cuts_in_1000": round(early_cuts(code, stream) / len(stream) * 1000, 2), "sentences": len(stream),
    }  # fmt: skip


def import_ms() -> float:
    """What an import of the languages costs a process, whose libraries come in with the first sentence."""
    program = (
        "import time; t = time.perf_counter(); from orchestra.language import find_language; find_language('es')\n"
        "import sys; assert not {'babel', 'num2words'} & set(sys.modules); print((time.perf_counter() - t) * 1000)"
    )
    took = [
        float(subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout) for _ in range(3)
    ]
    return round(min(took), 1)


def holds(code: str, found: dict[str, Any]) -> bool:
    limit = LIMIT_MS.get(code, OTHERS_MS)
    return bool(
        max(found["cold"]["p99"], found["warm"]["p99"]) <= limit
        and found["table"] == 1.0
        and found["grammar"] >= GRAMMAR
        and found["early_cuts_in_1000"] <= EARLY_CUTS
    )


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench language", description=__doc__)
    parser.add_argument("--sentences", type=int, default=2_000, help="of the grammar, per language")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    found = {code: measure(code, options.sentences) for code in CODES}
    kept = {code: holds(code, one) for code, one in found.items()}
    load = round(os.getloadavg()[0], 1)
    if options.json:
        print(json.dumps({"languages": found, "import_ms": import_ms(), "holds": kept, "load": load}, indent=2))
    else:
        print("        first  cold p50   p99   warm p50   p99   table      grammar  early cuts/1000")
        for code, one in found.items():
            print(
                f"{code:4} {one['first_ms']:5} ms {one['cold']['p50']:8.3f} {one['cold']['p99']:7.3f} {one['warm']['p50']:9.3f}"
                f" {one['warm']['p99']:7.3f}  {one['table']:6.1%} ({one['lines']}) {one['grammar']:6.1%}"
                f" {one['early_cuts_in_1000']:8.2f}  {'' if kept[code] else 'DOES NOT HOLD'}"
            )
        print(f"import {import_ms()} ms, load {load}; times in ms of processor time")
    if not all(kept.values()):
        sys.exit(1)
