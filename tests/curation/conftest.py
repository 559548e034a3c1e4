"""Label Studio itself, for the suites that use it: it takes a minute to start."""

from collections.abc import Iterator

import pytest

from tests.servers.label_studio_itself import label_studio


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with label_studio(tmp_path_factory.mktemp("label-studio")) as url:
        yield url
