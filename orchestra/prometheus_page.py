"""Renders metrics in Prometheus's text format.

Each component counts in plain numbers, from which a page is rendered on request. So counting costs no more than an
addition, and there is no global registry that the components of one test would share.
"""

from collections.abc import Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from orchestra.histogram import Histogram

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
Labels = dict[str, str]


def counter(name: str, meaning: str, *samples: tuple[Labels, float]) -> Metric:
    """A number that only increases; ``name`` ends in ``_total``."""
    return _with_samples(CounterMetricFamily(name, meaning), name, samples)


def gauge(name: str, meaning: str, *samples: tuple[Labels, float]) -> Metric:
    """A number that goes up and down."""
    return _with_samples(GaugeMetricFamily(name, meaning), name, samples)


def histogram(name: str, meaning: str, *samples: tuple[Labels, Histogram]) -> Metric:
    """A distribution of values; in seconds if ``name`` ends in ``_seconds``."""
    labels = list(samples[0][0]) if samples else []
    family = HistogramMetricFamily(name, meaning, labels=labels)
    for values, each in samples:
        family.add_metric(list(values.values()), each.buckets(), each.sum)
    return family


def _with_samples(family: Metric, name: str, samples: Iterable[tuple[Labels, float]]) -> Metric:
    for labels, value in samples:
        family.add_sample(name, labels, value)
    return family


def page(metrics: Iterable[Metric]) -> bytes:
    """The metrics as a page that Prometheus reads; its type is `CONTENT_TYPE`."""
    return generate_latest(_Given(metrics))


class _Given(Collector):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        yield from self._metrics
