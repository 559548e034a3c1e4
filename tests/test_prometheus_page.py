"""The metrics page in the format that Prometheus reads."""

from prometheus_client.parser import text_string_to_metric_families

from orchestra.histogram import Histogram
from orchestra.prometheus_page import counter, gauge, histogram, page


def samples(content: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(content.decode())
        for sample in family.samples
    }


def test_a_histogram_counts_each_value_in_every_bucket_that_it_fits() -> None:
    seconds = Histogram((0.1, 1))
    for value in (0.05, 0.1, 0.5, 7):
        seconds.observe(value)
    assert seconds.buckets() == [("0.1", 2), ("1.0", 3), ("+Inf", 4)]
    assert seconds.sum == 7.65


def test_a_page_has_the_name_meaning_type_and_values_of_each_metric() -> None:
    content = page([counter("calls_total", "Calls.", ({}, 3)), gauge("running", "Running calls.", ({}, True))])
    assert content.decode().splitlines() == [
        "# HELP calls_total Calls.",
        "# TYPE calls_total counter",
        "calls_total 3.0",
        "# HELP running Running calls.",
        "# TYPE running gauge",
        "running 1.0",
    ]


def test_the_description_of_a_metric_is_on_the_page_before_it_has_a_value() -> None:
    assert b"# TYPE waits_seconds histogram" in page([histogram("waits_seconds", "Waits.")])


def test_a_label_may_be_any_text() -> None:
    odd = 'a "b"\\c\nd'
    seconds = Histogram((1,))
    seconds.observe(0.5)
    content = page([gauge("lag", "Lag.", ({"group": odd}, 2)), histogram("s_seconds", "S.", ({"group": odd}, seconds))])
    read = samples(content)
    assert read["lag", (("group", odd),)] == 2
    assert read["s_seconds_bucket", (("group", odd), ("le", "1.0"))] == 1
    assert read["s_seconds_sum", (("group", odd),)] == 0.5
