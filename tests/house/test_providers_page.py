"""docs/PROVIDERS.md takes one from nothing to a provider that passes the contract tests: its blocks are run."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from pricectl.config import PROVIDERS

CHECKOUT = Path(__file__).parents[2]
PAGE = (CHECKOUT / "docs" / "PROVIDERS.md").read_text()


def blocks() -> dict[str, str]:
    """The blocks of code by the file that their first line names."""
    found = re.findall(r"```python\n# (\S+)\n(.*?)```\n", PAGE, re.DOTALL)
    assert [path for path, _ in found] == [
        "pricectl/providers/acme.py", "pricectl/home.py", "pricectl/simulator/acme.py",
        "tests/contracts/test_provider_contract.py",
    ]  # fmt: skip
    return dict(found)


def test_one_file_and_one_line_make_a_provider_that_passes_the_contract(tmp_path: Path) -> None:
    for folder in ("pricectl", "data", "tests/contracts", "tests/support"):
        shutil.copytree(CHECKOUT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path)
    for path, text in blocks().items():
        target = tmp_path / path
        if target.name == "acme.py":
            target.write_text(text)
            continue
        old = target.read_text()
        before = '    "tiingo": ' if target.name == "home.py" else "class TestYahoo("
        assert old.count(before) == 1
        gap = "" if target.name == "home.py" else "\n\n"
        target.write_text(old.replace(before, text + gap + before))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/contracts", "-k", "Acme"],
        cwd=tmp_path, env={"PATH": "", "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= 25


def test_every_provider_is_on_the_page() -> None:
    assert [name for name in PROVIDERS if f"| `{name}` |" not in PAGE] == []
