import pytest

from orchestra.language.english import LANGUAGE


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("**Your parcel** is _here_.", "Your parcel is here."),
        ("- first item", "first item"),
        ("2. second item", "second item"),
        ("## Opening hours", "Opening hours"),
        ("See [our page](https://example.org/a/b).", "See our page."),
        ("Go to https://www.example.org/a/b?c=d now.", "Go to example.org/a/b?c=d now."),
        ("Use `track` please.", "Use track please."),
        ("| Monday | 9 to 5 |", "Monday, 9 to 5"),
        ("Great 🎉!", "Great!"),
        ("snake_case stays", "snake_case stays"),
        ("2 * 3", "2 times 3"),
        ("Press * to go back.", "Press star to go back."),
        ("*Note* that **this** is ***it***.", "Note that this is it."),
        ("> 5 kg", "> 5 kg"),
        ("> quoted", "quoted"),
        ("rated ★★★☆☆", "rated 3 stars"),
        ("```python print(1)```", ""),
        ("Press 1️⃣ now", "Press 1 now"),
        ("***", ""),
        ("```", ""),
        ("It costs 3.50, all in.", "It costs 3.50, all in."),
    ],
)
def test_text_that_cannot_be_spoken_is_removed(written: str, said: str) -> None:
    assert LANGUAGE.to_plain_text(written) == said
