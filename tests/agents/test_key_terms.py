"""What a speech engine is told to expect."""

from pathlib import Path

import pytest

from orchestra import Agent, App, Knowledge
from orchestra.agents.key_terms import names_in
from orchestra.agents.lines import Lines
from orchestra.app_phrases import edge_lines
from orchestra.errors import AppError
from orchestra.settings import Settings
from orchestra.voice.edge.answering import app_script

PAGE = """
# Delivery

We deliver with Northwind Express and, in Spain, with Correos. Orders of a Kestrel lamp come by Northwind Express.
The lamp is a Kestrel. On Monday and on Monday night I rest, and I sleep. If Correos fails, we call.
"""


def test_names_stand_within_a_sentence_and_more_than_once() -> None:
    assert names_in([PAGE]) == ["Northwind Express", "Correos", "Kestrel"]
    assert names_in(["", "🦜 \ud83d " * 50, "x" * 30_000, "a B" * 9_000]) == []


def test_the_edge_tells_them_the_most_important_first(tmp_path: Path) -> None:
    (tmp_path / "delivery.md").write_text(PAGE)
    agents = (
        Agent(name="desk", about="a", prompt="a", keyterms=("Acme", "Zyx")),
        Agent(name="lost", about="a", prompt="a", keyterms=("Acme", "Kestrel"), knowledge=True),
    )
    app = App(name="shop", agents=agents, entry="desk", keyterms=("Zyx",), knowledge=Knowledge(tmp_path))
    (plain,) = edge_lines(Lines.of(app)).apps
    assert plain.every_keyterm == ("Zyx", "Acme", "Kestrel", "Northwind Express", "Correos")
    assert app_script(Settings(), plain, plain.speaks, plain.speaks.first).keyterms == plain.every_keyterm


def test_key_terms_are_part_of_the_version() -> None:
    def version(*terms: str) -> str:
        return App(name="a", agents=(Agent(name="a", about="a", prompt="a"),), entry="a", keyterms=terms).version

    assert len({version(), version("Acme"), version("Zyx")}) == 3


def test_one_term_without_a_comma_is_named() -> None:
    with pytest.raises(AppError, match="keyterms"):
        Agent(name="a", about="a", prompt="a", keyterms="Acme")  # type: ignore[arg-type]
