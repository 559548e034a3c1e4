from pathlib import Path

import pytest
from pydantic import SecretStr

from orchestra.errors import SettingError
from orchestra.execution.models import open_models
from orchestra.execution.models.offline import OfflineModel
from orchestra.settings import Settings


async def test_without_a_setting_the_offline_model_answers() -> None:
    async with open_models(Settings()) as models:
        assert isinstance(models.get(), OfflineModel)
        assert models.get("offline") is models.get()


async def test_an_agent_may_have_a_model_of_its_own() -> None:
    settings = Settings(model_url="http://127.0.0.1:9/v1", model_api_key=SecretStr("key"))
    async with open_models(settings) as models:
        assert models.get("small").name == "small"
        assert models.get("small") is models.get("small")
        assert models.get().name == "offline"


async def test_a_model_without_a_server_is_refused_at_the_start() -> None:
    with pytest.raises(SettingError, match="ORCHESTRA_MODEL_API_KEY"):
        async with open_models(Settings(model="gpt-5-mini")):
            pass


def test_only_the_adapter_knows_autogen_and_only_one_model_knows_openai() -> None:
    root = Path(__file__).parents[2]
    sources = [*root.glob("orchestra/**/*.py"), *root.glob("workers/*.py")]
    adapter = root / "orchestra" / "agents" / "autogen"
    knowing = [path for path in sources if "from autogen" in path.read_text() or "import autogen" in path.read_text()]
    assert {path.parent for path in knowing} == {adapter}
    asking = [path.name for path in sources if "from openai import" in path.read_text()]
    assert asking == ["openai.py"]
