import threading
from pathlib import Path

import pytest

from orchestra.agents.knowledge import Knowledge
from orchestra.errors import AppError

_PAGE = """# Opening hours

We open at **nine**, see [our page](https://example.org/hours).

## On Sundays

- Closed in winter
- open from ten in summer

```
# no heading in here
```

## Empty
"""


@pytest.fixture
def knowledge(tmp_path: Path) -> Knowledge:
    (tmp_path / "hours.md").write_text(_PAGE, encoding="utf-8")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "lost_parcels.md").write_text("A lost parcel is searched for ten days.", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("opening hours", encoding="utf-8")
    return Knowledge(tmp_path)


def test_a_section_is_found_by_its_words_and_told_without_markdown(knowledge: Knowledge) -> None:
    found = knowledge.sections("When do you open on Sundays in summer?")
    assert (found[0].title, found[0].text) == (
        "Opening hours: On Sundays",
        "Closed in winter. open from ten in summer. # no heading in here",
    )
    assert knowledge.sections("at nine")[0].text == "We open at nine, see our page."


def test_a_page_without_a_heading_is_named_by_its_file(knowledge: Knowledge) -> None:
    assert [passage.title for passage in knowledge.sections("lost parcel")] == ["lost parcels"]


@pytest.mark.parametrize("query", ["parsel lost", "my partial was lost", "losing parcels", "lost packages"])
def test_endings_and_words_that_were_heard_wrong_do_not_hide_a_section(knowledge: Knowledge, query: str) -> None:
    assert [passage.title for passage in knowledge.sections(query)] == ["lost parcels"]


@pytest.mark.parametrize(
    "query", ["", "the a of", "weather in Paris", 'opening" OR text: NEAR(', "lost in the Amazon jungle tour"]
)
def test_what_the_pages_do_not_answer_finds_nothing_or_only_what_matches(knowledge: Knowledge, query: str) -> None:
    titles = {passage.title for passage in knowledge.sections(query)}
    assert titles <= ({"Opening hours"} if "opening" in query else set())


def test_at_most_as_many_as_asked_for_are_found_best_first(knowledge: Knowledge) -> None:
    found = knowledge.sections("open", limit=5)
    assert len(found) == 2
    assert found[0].score >= found[1].score
    assert knowledge.sections("open", limit=1) == found[:1]


def test_several_threads_may_search_at_once(knowledge: Knowledge) -> None:
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(len(knowledge.sections("lost parcel")))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * 8


def test_a_folder_that_is_not_there_or_empty_is_refused_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(AppError, match="is not there: create it"):
        Knowledge(tmp_path / "no").check()
    with pytest.raises(AppError, match="has no Markdown page"):
        Knowledge(tmp_path).check()
    (tmp_path / "bad.md").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(AppError, match=r"bad\.md cannot be read as UTF-8"):
        Knowledge(tmp_path).sections("x")
