"""What was wrong in a call, by what its caller heard and by its journal; and both as a text, to investigate it."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from orchestra_schemas import CallEnded, Event, TurnCompleted
from tests.faults.spoken.caller import SpokenCall
from tests.faults.spoken.model import answer
from tests.faults.spoken.tones import PARDON
from tests.faults.spoken.verdict import judge, to_be_said

#: on an idle machine; with more runnable threads than cores, everything takes proportionally longer
LONGEST_SILENCE_S = 8.0


def write_down(folder: Path, calls: Sequence[SpokenCall], journals: dict[str, list[Event]]) -> None:
    """Write each caller's words and each call's journal to files, to investigate a failure."""
    with (folder / "calls.txt").open("w", encoding="utf-8") as file:
        for call in calls:
            journal = journals.get(call.sid, [])
            began = call.began_at
            lines = [(event.at - began, f"     {type(event).__name__} {_brief(event)}") for event in journal]
            lines += [(heard.at_s, f"heard {heard.word} for {heard.for_s:.2f} s") for heard in call.ear.heard]
            lines += [(at, "the stream broke") for at in call.breaks_s]
            file.write(f"=== {journal[0].call if journal else call.sid}\n")
            file.writelines(f"{at:8.2f} {line}\n" for at, line in sorted(lines))


def _brief(event: Event) -> str:
    names = ("turn", "source", "text", "heard", "reason", "error", "name", "result", "greeting")
    return " ".join(f"{name}={value!r}" for name in names if (value := getattr(event, name, "")) != "")


def verdict_on(
    call: SpokenCall, journal: list[Event], busiest: float, stood_still: Sequence[tuple[float, float]] = ()
) -> list[str]:
    """What was wrong in a call, a line each; ``stood_still`` are the times (epoch s) at which an edge was stopped."""
    sentences = to_be_said(journal)
    still_s = [(start - call.began_at, end - call.began_at) for start, end in stood_still]
    wrong = judge(call.ear.heard, call.breaks_s, sentences, still_s).wrong
    if call.ending is None or call.ending.how != "caller_hung_up":
        wrong.append(f"the call ended so: {call.ending}")
    wrong += [f"{asked!r} was not answered" for asked in call.unanswered]
    for silence in call.silences:
        if silence.end_s - silence.start_s > LONGEST_SILENCE_S * busiest:
            wrong.append(f"silence from {silence.start_s:.1f} to {silence.end_s:.1f} s")
    texts = [event.text for event in journal if isinstance(event, TurnCompleted) and not event.failed]
    wrong += [f"the agent said {text!r}" for text in texts if text != PARDON and text != _wanted(text)]
    ids = Counter(event.id for event in journal)
    wrong += [f"published twice: {name}" for name, times in ids.items() if times > 1]
    ended = [event for event in journal if isinstance(event, CallEnded)]
    if len(ended) != 1:
        wrong.append(f"ended {len(ended)} times")
    call_id = journal[0].call if journal else call.sid
    return [f"{call_id}: {line}" for line in wrong]


def _wanted(text: str) -> str:
    """The expected answer, derived from the last words of the actual one."""
    one, other, _ = text.lower().removesuffix(".").split()[-3:] if len(text.split()) > 2 else ("", "", "")
    return answer(one, other)
