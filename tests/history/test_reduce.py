from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestra.history.call import CallHistory
from orchestra.history.reduce import history_of, reduce
from orchestra_schemas import Event
from tests.history.journals import GOLDEN, damaged_journals, read_journal


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(damaged_journals, st.floats(0, 1))
def test_a_history_can_be_continued_from_any_point(events: list[Event], share: float) -> None:
    cut = int(share * len(events))
    history = history_of(events[:cut])
    before = history_of(events[:cut])
    continued = history
    for event in events[cut:]:
        continued = reduce(continued, event)
    assert continued == history_of(events)
    assert history == before  # it is immutable


def test_the_history_of_no_event_is_empty() -> None:
    assert history_of([]) == CallHistory()


def test_a_history_keeps_no_prompt() -> None:
    for path in GOLDEN:
        history = history_of(read_journal(path))
        requests = [step.requested for turn in history.turns for step in turn.prompts if step.requested is not None]
        assert requests
        assert not any(request.messages or request.tools for request in requests)
