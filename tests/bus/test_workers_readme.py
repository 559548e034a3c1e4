"""The consumer of workers/README.md is run as a newcomer would run it: copied into two files, tested, started."""

import asyncio
import re
import sys
from pathlib import Path

README = Path(__file__).parents[2] / "workers" / "README.md"


async def test_the_consumer_of_the_readme_passes_the_test_of_the_readme(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n# (\S+)\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert [name for name, _ in blocks] == ["mood.py", "test_mood.py"]
    for name, code in blocks:
        (tmp_path / name).write_text(code, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "pytest",
        "-q",
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    assert "1 passed" in out.decode()


def test_the_consumer_of_the_readme_has_fifteen_lines() -> None:
    (code,) = re.findall(r"```python\n# mood.py\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert len(code.rstrip().splitlines()) <= 15
